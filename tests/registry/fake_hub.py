#!/usr/bin/env python3
"""Docker Hub's own API (hub.docker.com) beside a registry of the profile "dockerhub".

    with FakeRegistry("dockerhub", …) as r, FakeHub(r, users={"acme": "pat"}) as hub:
        …  hub.url; hub.requests(), hub.fault(…) as of the registry

Options:
    users       {"name": "secret"}
    second      [name]: whose password is not enough (two-factor authentication)
    auth_token  false: POST /v2/auth/token is 404 (an older Hub)
    token_uses  so many requests a token is good for (its ten minutes); None: for ever
    refuse      what DELETE of a tag answers in place of deleting it:
                "admin"      403: no admin right on the repository (hub-feedback#2008)
                "pat"        403: a token without the right (hub-feedback#2006)
                "jwt"        403: the same, in other words (hub-feedback#2127, #2251)
                "nested"     500 with the registry's 401 inside (hub-feedback#2398)
                "405"        405 (hub-feedback#2008)
    immutable   [regex]: immutable tags (docs immutable-tags.md: "cannot be overwritten or
                deleted"; status and text are not known, 403 here)
    all_immutable  true: enabled without rules
    private     true: the repository is shown to nobody without a name
"""
import json
import re

from fake_registry import Answer, FakeRegistry, Handler

DEFAULTS = {"users": {"acme": "hub-secret"}, "second": [], "auth_token": True, "token_uses": None,
            "refuse": None, "immutable": [], "all_immutable": False, "private": False}


def detail(status, text, **more):
    return Answer(status, json.dumps(dict(more, detail=text)))


class HubHandler(Handler):
    def answer(self):
        path = self.path.split("?")[0]
        hub = self.registry
        if self.command == "POST" and path == "/v2/auth/token" and hub.hub["auth_token"]:
            return self.log_in("identifier", "secret", "access_token", "Bearer")
        if self.command == "POST" and path == "/v2/users/login":
            return self.log_in("username", "password", "token", "JWT")
        m = re.match(r"/v2/repositories/([^/]+/[^/]+)/tags/([^/]+)/\Z", path)
        if m and self.command == "DELETE":
            return self.authorized() or self.delete(*m.groups())
        m = re.match(r"/v2/namespaces/([^/]+)/repositories/([^/]+)\Z", path)
        if m and self.command == "GET":
            return self.shown() or self.settings()
        return Answer(404, "<html><title>404 Not Found</title></html>", kind="text/html")

    def log_in(self, name, secret, field, scheme):
        body = json.loads(self.content)
        user, hub = body.get(name), self.registry
        if hub.hub["users"].get(user) != body.get(secret):
            return detail(401, "Incorrect authentication credentials")
        if user in hub.hub["second"]:
            return detail(401, "Require secondary authentication on MFA enabled account",
                          login_2fa_token="second-factor")
        token = "hub-token-%d" % len(hub.handed)
        hub.handed[scheme + " " + token] = hub.hub["token_uses"]
        return Answer(200, json.dumps({field: token}))

    def authorized(self):
        """None: yes."""
        handed = self.registry.handed
        value = self.headers.get("Authorization")
        if value not in handed or handed[value] == 0:
            return detail(401, "Invalid token")
        if handed[value]:
            handed[value] -= 1
        return None

    def shown(self):
        """None: yes. A public repository is, to anybody; who it is for may be seen by its
        permissions alone."""
        if "Authorization" in self.headers:
            return self.authorized()
        return detail(404, "object not found") if self.registry.hub["private"] else None

    def settings(self):
        hub = self.registry.hub
        enabled = hub["all_immutable"] or bool(hub["immutable"])
        admin = hub["refuse"] != "admin"
        return Answer(200, json.dumps({
            "permissions": {"read": True, "write": True, "admin": admin},
            "immutable_tags_settings": {"enabled": enabled, "rules": hub["immutable"]}}))

    def delete(self, name, tag):
        hub = self.registry.hub
        repo = self.registry.real.repositories.get(name)
        if hub["refuse"] == "admin":
            return detail(403, "permission denied")
        if hub["refuse"] == "pat":
            return detail(403, "access to the resource is forbidden with personal access token")
        if hub["refuse"] == "jwt":
            return detail(403, "access is forbidden with a JWT issued from a personal access token")
        if hub["refuse"] == "nested":
            return Answer(500, json.dumps({"message": "unexpected status 401: {\"errors\":[{\"code\":"
                                           "\"UNAUTHORIZED\",\"detail\":[{\"Action\":\"delete\"}]}]}"}))
        if hub["refuse"] == "405":
            return detail(405, "Method \"DELETE\" not allowed.")
        if repo is None or tag not in repo.tags:
            return detail(404, "object not found")
        if hub["all_immutable"] or any(re.search(p, tag) for p in hub["immutable"]):
            return detail(403, "tag cannot be deleted")
        del repo.tags[tag]
        return Answer(204)


class FakeHub(FakeRegistry):
    def __init__(self, registry, listen=("127.0.0.1", 0), **options):
        super().__init__("dockerhub", listen)
        unknown = set(options) - set(DEFAULTS)
        if unknown:
            raise ValueError("no option named %s" % ", ".join(sorted(unknown)))
        self.server.RequestHandlerClass = HubHandler
        self.real = registry
        self.lock = registry.lock
        self.handed = {}  # Authorization -> how often it is still good
        self.hub = dict(DEFAULTS, **options)

    def tag(self, repository, tag, digest):
        self.real.tag(repository, tag, digest)
