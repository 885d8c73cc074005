#!/usr/bin/env python3
"""GitHub's API of package versions (api.github.com) beside a registry of the profile "ghcr".

    with FakeRegistry("ghcr", …) as r, FakeGithub(r, organizations=["acme"]) as api:
        …  api.url; api.requests(), api.fault(…) as of the registry

Every manifest of a repository is a version of the package, tagged or not.
Options:
    organizations  [owner]; every other owner is a user
    tokens      {"token": right}, right: "admin" | "write" (sees, may not delete) | "none"
    page        versions a page at most (100)
    downloads   [digest]: public, with more than 5000 downloads
                (Chizkiyahu/delete-untagged-ghcr-action#40)
    last_rule   true: the last tagged version is not deleted (kairos-io/kairos#4723)
    stale       [(id, digest, [tag])]: versions that are listed and not there
                (ghcr-cleanup-action src/package-repo.ts)
    behind      so many lists do not have the versions of hidden yet
    hidden      [digest]
    limited     true: the token's rate limit is used up
"""
import json
import re
import urllib.parse

from fake_registry import Answer, FakeRegistry, Handler

DEFAULTS = {"organizations": ["acme"], "tokens": {"gh-secret": "admin"}, "page": 100, "downloads": [],
            "last_rule": True, "stale": [], "behind": 0, "hidden": [], "limited": False}


def message(status, text, headers=None):
    return Answer(status, json.dumps({"message": text, "status": str(status)}), headers)


class GithubHandler(Handler):
    def answer(self):
        api = self.registry.api
        kind, _, token = (self.headers.get("Authorization") or "").partition(" ")
        right = api["tokens"].get(token) if kind == "Bearer" else None
        if not self.headers.get("User-Agent"):
            return message(403, "Request forbidden by administrative rules.")
        if right is None:
            return message(401, "Bad credentials")
        if api["limited"]:
            return message(403, "API rate limit exceeded", {"X-RateLimit-Remaining": "0"})
        url = urllib.parse.urlsplit(self.path)
        query = urllib.parse.parse_qs(url.query)
        m = re.match(r"/users/([^/]+)\Z", url.path)
        if m and self.command == "GET":
            kind = "Organization" if m.group(1) in api["organizations"] else "User"
            return Answer(200, json.dumps({"login": m.group(1), "type": kind}))
        m = re.match(r"/(orgs|users)/([^/]+)/packages/container/([^/]+)/versions(?:/(\d+))?\Z", url.path)
        if not m:
            return message(404, "Not Found")
        name = m.group(2) + "/" + urllib.parse.unquote(m.group(3))
        if (m.group(1) == "orgs") != (m.group(2) in api["organizations"]) or right == "none" or \
                name not in self.registry.real.repositories:
            return message(404, "Package not found.")
        repo = self.registry.real.repositories[name]
        if self.command == "DELETE":
            return self.delete(repo, int(m.group(4)), right)
        return self.list(name, repo, query)

    def list(self, name, repo, query):
        api = self.registry.api
        found = [(self.registry.id_of(d), d, repo.tags_of(d)) for d in repo.manifests]
        if api["behind"] > 0:
            api["behind"] -= 1
            found = [v for v in found if v[1] not in api["hidden"]]
        found = sorted(found + [tuple(v) for v in api["stale"]], reverse=True)
        size = min(int(query.get("per_page", ["30"])[0]), api["page"])
        page = int(query.get("page", ["1"])[0])
        shown = found[(page - 1) * size:page * size]
        headers = {}
        if page * size < len(found):
            headers["Link"] = '<https://api.github.com/organizations/1/packages/container/x/versions?page=%d>; ' \
                              'rel="next"' % (page + 1)
        return Answer(200, json.dumps([
            {"id": i, "name": d, "metadata": {"package_type": "container", "container": {"tags": tags}}}
            for i, d, tags in shown]), headers)

    def delete(self, repo, number, right):
        api = self.registry.api
        digest = self.registry.digest_of(number)
        if digest not in repo.manifests or right != "admin":
            return message(404, "Package not found.")
        tagged = {d for d in repo.tags.values()}
        if digest in api["downloads"]:
            return message(400, "Publicly visible package versions with more than 5000 downloads cannot be "
                           "deleted. Contact GitHub support for further assistance.")
        if api["last_rule"] and tagged == {digest}:
            return message(400, "You cannot delete the last tagged version of a package. You must delete the "
                           "package instead.")
        repo.drop(digest)  # with all its tags
        return Answer(204)


class FakeGithub(FakeRegistry):
    def __init__(self, registry, listen=("127.0.0.1", 0), **options):
        super().__init__("ghcr", listen)
        unknown = set(options) - set(DEFAULTS)
        if unknown:
            raise ValueError("no option named %s" % ", ".join(sorted(unknown)))
        self.server.RequestHandlerClass = GithubHandler
        self.real = registry
        self.lock = registry.lock
        self.ids = []
        self.api = dict(DEFAULTS, **options)

    def id_of(self, digest):
        if digest not in self.ids:
            self.ids.append(digest)
        return 460898921 + self.ids.index(digest)

    def digest_of(self, number):
        at = number - 460898921
        return self.ids[at] if 0 <= at < len(self.ids) else None
