#!/usr/bin/env python3
"""A registry that answers as named products do, and as badly as a test wants.

    tests/registry/fake_registry.py --profile zot [--listen 127.0.0.1:0] [--option NAME=JSON]...
                                    [--tls CERT KEY]
prints "listening on HOST:PORT" and serves until it is killed. In a test:

    with FakeRegistry("quay", immutable=["^v"]) as r:
        digest = r.put("acme/app", "v1")        # an image that is there already
        r.fault("429", method="HEAD", retry_after="1")
        …  r.host is "127.0.0.1:PORT"; r.requests() is what came

Profiles: distribution2 distribution3 zot harbor quay dockerhub ghcr gcr ecr acr.

Options (the defaults are the profile's), by argument, --option, or POST /_fake/options:
    auth         "none" | "basic" | "bearer"
    users        {"name": "secret"}; a name may do everything, see owners
    identity     {"identity token": "name"}
    bearer       {"ready token": "name"}
    private      [regex] of repositories that anonymous clients cannot see
    owners       {"name": [regex of repositories]}: what that name may see and change
    readers      {"name": [regex]}: … may only pull
    create_on_push  false: a PUT to a repository that is not there is refused
    repositories ["name"]: repositories that are there, and empty
    projects     ["name"]: Harbor's projects that are there, and empty
    deletes      false: deletes are switched off
    immutable    [regex] of tags that cannot be overwritten (nor deleted, where it is so)
    locked       [tag]: ACR's locks
    collisions   true: zot's collision detection
    referrers    false: /referrers/ is 404
    digest_header   true | false | "junk"
    head         false: HEAD is 405
    accept       false: Accept is not looked at
    page         how many tags or referrers a page has (default 1000)
    link         "relative" | "absolute" | "loop" (to the page itself)
  the challenge and the token service:
    challenge    "normal" | "placeholder" (GHCR's /v2/: a scope that is nobody's) | "none" |
                 "empty" | "several" (in one header) | "several-headers" | "two-scopes" |
                 "basic-first" | "odd-case" | "no-scope"
    scheme_changes  true: a refused Authorization is answered with Basic (Harbor)
    realm        a URL in place of this registry's own /token
    service      default "fake"
    expires_in   seconds, or null: the field is left out;  token_field: "token" | "access_token" |
                 "both" | "none"
    token_answer [status, body] of every token request in place of a token
    token_post   200 | 404 | 405: POST (OAuth2) at the token service
    token_actions   the actions that it takes ("push", "pull", "delete", "*"); others are 400
    grants_less  true: tokens grant nothing
    first_scope_only  true

Control, on the same port, with no authorization:
    GET  /_fake/state       {"profile", "options", "repositories": {NAME: {"tags": {TAG: DIGEST}, "manifests": [DIGEST]}}}
    GET  /_fake/requests    [{"n", "method", "path", "scheme" (of Authorization; null: none), "accept",
                              "agent", "scopes" (of a token request), "status" (null: no answer was sent)}]
    POST /_fake/options     {NAME: value}
    POST /_fake/put         {"repository", "tag"?, "seed"?, "kind"?: "image" | "index" | "docker" | "list",
                             "subject"?: DIGEST, "children"?: [DIGEST]}  ->  {"digest", "media_type", "size"}
    POST /_fake/tag         {"repository", "tag", "digest"}    moves a tag; digest null: takes it away
    POST /_fake/fault       {"do", "method"?, "path"? (regex, searched), "skip"? (so many go by first),
                             "times"? (default 1), …}
    POST /_fake/release     lets go of all that stall
    POST /_fake/reset       forgets requests and faults
Faults, by "do":
    "429", "500", "503", … a status; "retry_after" and "x_retry_after" (its value as a string),
                           "body" (text; default: an error body), "type" (of the body),
                           "headers" ({NAME: value})
    "close"     ends the connection without an answer
    "half"      the whole head, half the body, then the end (with HEAD: half the head)
    "stall"     says nothing until /_fake/release (FakeRegistry.stalls: how many have, most_stalled: at once)
    "html404"   404 with a page for people
    "html200"   200 with a page for people
    "empty404"  404 without a body
    "redirect"  to "to" with "status" (default 307)
    "move_tag"  {"repository", "tag", "digest"} first, then the usual answer
    "lose"      does what was asked, and loses the answer
A fault is tried in the order of its setting, the first that matches is used up and the
request goes no further down the list. Token requests are matched too (path "/token").
"""
import argparse
import base64
import hashlib
import json
import re
import secrets
import socket
import ssl
import sys
import threading
import time
import urllib.parse
import urllib.request
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer

OCI_INDEX = "application/vnd.oci.image.index.v1+json"
OCI_IMAGE = "application/vnd.oci.image.manifest.v1+json"
DOCKER_LIST = "application/vnd.docker.distribution.manifest.list.v2+json"
DOCKER_IMAGE = "application/vnd.docker.distribution.manifest.v2+json"
KINDS = {"image": OCI_IMAGE, "index": OCI_INDEX, "docker": DOCKER_IMAGE, "list": DOCKER_LIST}
DIGEST = re.compile(r"sha256:[0-9a-f]{64}\Z")
TAG = re.compile(r"[A-Za-z0-9_][A-Za-z0-9._-]{0,127}\Z")
NAME = re.compile(r"[a-z0-9]+(?:(?:\.|_|__|-+)[a-z0-9]+)*(?:/[a-z0-9]+(?:(?:\.|_|__|-+)[a-z0-9]+)*)*\Z")


def any_match(patterns, text):
    return any(re.search(p, text) for p in patterns)


class Answer:
    """Status, headers and body of one answer."""

    def __init__(self, status, body=b"", headers=None, kind="application/json"):
        self.status = status
        self.body = body if isinstance(body, bytes) else body.encode()
        self.headers = dict(headers or {})
        self.kind = kind


def error(status, code, message, detail=None, headers=None):
    """distribution-spec spec.md "Error Codes"."""
    entry = {"code": code, "message": message}
    if detail is not None:
        entry["detail"] = detail
    return Answer(status, json.dumps({"errors": [entry]}), headers)


class Repository:
    def __init__(self):
        self.tags = {}
        self.manifests = {}  # digest -> (media type, bytes)
        self.blobs = {}

    def tags_of(self, digest):
        return [t for t, d in self.tags.items() if d == digest]

    def parents_of(self, digest):
        found = []
        for parent, (_, text) in self.manifests.items():
            children = json.loads(text).get("manifests") or []
            if any(c.get("digest") == digest for c in children):
                found.append(parent)
        return found

    def referrers_of(self, digest):
        found = []
        for own, (kind, text) in self.manifests.items():
            m = json.loads(text)
            if (m.get("subject") or {}).get("digest") == digest:
                artifact = m.get("artifactType") or (m.get("config") or {}).get("mediaType")
                found.append({"mediaType": kind, "digest": own, "size": len(text), "artifactType": artifact})
        return found

    def drop(self, digest):
        self.manifests.pop(digest, None)
        for t in self.tags_of(digest):
            del self.tags[t]


# --- the products ------------------------------------------------------------


class Profile:
    """distribution 3: registry/handlers/manifests.go, app.go."""

    defaults = {"auth": "none"}
    delete_scope = "delete"  # app.go: "delete" alone for DELETE

    def __init__(self, registry):
        self.registry = registry

    def opt(self, name):
        return self.registry.options.get(name)

    def no_repository(self, name, ref):
        # distribution, for GET of a manifest: MANIFEST_UNKNOWN.
        return error(404, "MANIFEST_UNKNOWN", "manifest unknown", {"Tag": ref})

    def no_tag(self, name, ref):
        if DIGEST.match(ref):
            return error(404, "MANIFEST_UNKNOWN", "manifest unknown",
                         {"Name": name, "Revision": ref})
        return error(404, "MANIFEST_UNKNOWN", "manifest unknown", {"Tag": ref})

    def bad_accept(self, kind):
        # registry/handlers/manifests.go
        if kind == OCI_INDEX:
            message = "OCI index found, but accept header does not support OCI indexes"
        else:
            message = "OCI manifest found, but accept header does not support OCI manifests"
        return error(404, "MANIFEST_UNKNOWN", message)

    def deletes_off(self):
        return error(405, "UNSUPPORTED", "The operation is unsupported.")

    def delete_tag(self, repo, name, tag):
        if tag not in repo.tags:
            return self.no_tag(name, tag)
        del repo.tags[tag]
        return Answer(202)

    def delete_digest(self, repo, name, digest):
        if digest not in repo.manifests:
            return self.no_tag(name, digest)
        repo.drop(digest)  # and untags every tag of the digest
        return Answer(202)

    def delete_missing_repository(self, name, ref):
        return self.no_repository(name, ref)

    def overwrite(self, name, tag):
        """An Answer when the tag cannot be pushed."""
        return None

    def push_missing_repository(self, name):
        return error(404, "NAME_UNKNOWN", "repository name not known to registry", {"name": name})

    def unauthorized(self, name, user):
        """In place of the challenge, for who has no right here. None: the challenge."""
        return None

    def may_see(self, name, user):
        return self.registry.can_read(name, user)

    def token_refused(self, user, scopes):
        """An Answer when the token service itself refuses. None: a token, for less."""
        return None


class Distribution3(Profile):
    pass


class Distribution2(Profile):
    def delete_tag(self, repo, name, tag):
        # ggcr#1578, #1822
        return error(400, "DIGEST_INVALID", "provided digest did not match uploaded content")


class Zot(Profile):
    """pkg/api/routes.go, pkg/storage/common/common.go, pkg/api/authz.go."""

    def no_repository(self, name, ref):
        return error(404, "NAME_UNKNOWN", "repository name not known to registry", {"name": name})

    def delete_missing_repository(self, name, ref):
        return error(400, "NAME_UNKNOWN", "repository name not known to registry", {"name": name})

    def delete_tag(self, repo, name, tag):
        if tag in repo.tags and any_match(self.opt("immutable"), tag):
            return error(403, "DENIED", "stable tag is immutable")
        return super().delete_tag(repo, name, tag)

    def delete_digest(self, repo, name, digest):
        if repo.parents_of(digest):
            return error(405, "DENIED", "requested access to the resource is denied")
        if self.opt("collisions") and len(repo.tags_of(digest)) > 1:
            return error(409, "MANIFEST_INVALID", "manifest invalid")
        return super().delete_digest(repo, name, digest)

    def overwrite(self, name, tag):
        return error(403, "DENIED", "stable tag is immutable")


class Harbor(Profile):
    defaults = {"auth": "bearer", "scheme_changes": True, "service": "harbor-registry"}

    def no_repository(self, name, ref):
        # controller/artifact
        return error(404, "NOT_FOUND", "repository %s not found" % name)

    def no_tag(self, name, ref):
        sep = "@" if DIGEST.match(ref) else ":"
        return error(404, "NOT_FOUND", "artifact %s%s%s not found" % (name, sep, ref))

    def unauthorized(self, name, user):
        # A missing project: 401 with an empty WWW-Authenticate (harbor v2auth).
        project = name.split("/")[0]
        known = {n.split("/")[0] for n in self.registry.repositories} | set(self.opt("projects"))
        if project not in known:
            return error(401, "UNAUTHORIZED", "unauthorized to access repository: %s" % name,
                         headers={"Www-Authenticate": ""})
        return None

    def delete_tag(self, repo, name, tag):
        # src/server/registry/manifest.go
        return error(400, "UNSUPPORTED", "the operation is unsupported")

    def delete_digest(self, repo, name, digest):
        if digest not in repo.manifests:
            return self.no_tag(name, digest)
        for t in repo.tags_of(digest):
            if any_match(self.opt("immutable"), t):
                return self.delete_of_immutable(t)
        if repo.parents_of(digest):
            return error(412, "PRECONDITION", "the artifact %s is referenced by an index" % digest)
        children = json.loads(repo.manifests[digest][1]).get("manifests") or []
        for accessory in repo.referrers_of(digest):
            repo.drop(accessory["digest"])
        repo.drop(digest)
        for c in children:
            if not repo.tags_of(c["digest"]) and not repo.parents_of(c["digest"]):
                repo.drop(c["digest"])
        return Answer(202)

    def delete_of_immutable(self, tag):
        # src/controller/tag
        return error(412, "PRECONDITION", "the tag %s configured as immutable, cannot be deleted" % tag)

    def delete_by_api(self, name, reference, tag):
        """DELETE /api/v2.0/projects/{p}/repositories/{r}/artifacts/{tag or digest}/tags/{tag}
        (api/v2.0/swagger.yaml; src/server/v2.0/handler/artifact.go: the tag is looked for
        among the artifact's own)."""
        repo = self.registry.repositories.get(name)
        if not repo or repo.tags.get(reference, reference) not in repo.manifests:
            return self.no_tag(name, reference)
        if repo.tags.get(tag) != repo.tags.get(reference, reference):
            return error(404, "NOT_FOUND", "tag %s attached to artifact 1 not found" % tag)
        if any_match(self.opt("immutable"), tag):
            return self.delete_of_immutable(tag)
        del repo.tags[tag]
        return Answer(200)

    def overwrite(self, name, tag):
        # src/server/middleware/immutable
        short = name.split("/", 1)[-1]
        return error(412, "PRECONDITION",
                     "Failed to process request due to '%s:%s' configured as immutable." % (short, tag))


class Quay(Profile):
    """endpoints/v2/manifest.py, errors.py, v2auth.py."""

    defaults = {"auth": "bearer", "token_actions": ["push", "pull", "*"], "service": "quay"}
    delete_scope = "pull,push"  # v2auth.py

    def no_repository(self, name, ref):
        return error(404, "NAME_UNKNOWN", "repository name not known to registry",
                     {"name": name, "message": "repository not found"})

    def no_tag(self, name, ref):
        if ref in self.registry.expired.get(name, set()):
            return error(404, "TAG_EXPIRED", "Tag %s was deleted or has expired." % ref)
        return error(404, "MANIFEST_UNKNOWN", "manifest unknown", {})

    def tag_immutable(self, tag):
        return error(409, "TAG_IMMUTABLE", "tag is immutable and cannot be overwritten",
                     {"message": "tag '%s' is immutable" % tag})

    def delete_tag(self, repo, name, tag):
        if tag in repo.tags and any_match(self.opt("immutable"), tag):
            return self.tag_immutable(tag)  # the same 409, with the word "overwritten" too
        answer = super().delete_tag(repo, name, tag)
        if answer.status == 202:
            self.registry.expired.setdefault(name, set()).add(tag)
        return answer

    def delete_digest(self, repo, name, digest):
        if not repo.tags_of(digest):
            return error(404, "MANIFEST_UNKNOWN", "manifest unknown", {})
        for t in repo.tags_of(digest):
            if any_match(self.opt("immutable"), t):
                return self.tag_immutable(t)
        return super().delete_digest(repo, name, digest)

    def overwrite(self, name, tag):
        return self.tag_immutable(tag)


class DockerHub(Profile):
    """docker/docs content/reference/api/registry/latest.yaml."""

    defaults = {"auth": "bearer", "service": "registry.docker.io", "expires_in": 300, "create_on_push": True}

    def may_see(self, name, user):
        # Missing and forbidden look alike to all but the namespace's owner
        # (hashicorp/terraform-provider-docker#140, jupyterhub/binderhub#1664).
        if name not in self.registry.repositories:
            return bool(user) and (name.split("/")[0] == user or any_match(
                self.opt("owners").get(user, []), name))
        return super().may_see(name, user)

    def delete_tag(self, repo, name, tag):
        return error(405, "UNSUPPORTED", "Only digest-based deletion is allowed")

    def delete_digest(self, repo, name, digest):
        if repo.tags_of(digest) or repo.parents_of(digest):
            return error(403, "DENIED", "requested access to the resource is denied - "
                         "the manifest is still referenced")
        return super().delete_digest(repo, name, digest)

    def overwrite(self, name, tag):
        # kimai/kimai#5791; 403: hub-feedback#2466
        return error(403, "DENIED", "requested access to the resource is denied - This tag is already "
                     "assigned to an image in this repository and cannot be updated due to immutability "
                     "settings. To push this image, use a different tag.")


class Ghcr(Profile):
    defaults = {"auth": "bearer", "service": "ghcr.io", "expires_in": None}

    def token_refused(self, user, scopes):
        # Anonymous: 401 at the token endpoint for private or missing
        # (openai/tunnel-client#75, sigstore/scaffolding#127); with a name that may
        # not: 403 DENIED "denied" (korthout/camunda-platform-rest-api#106).
        for name, _ in scopes:
            if name not in self.registry.repositories and user:
                continue
            if not self.may_see(name, user):
                if user:
                    return error(403, "DENIED", "denied")
                return error(401, "UNAUTHORIZED", "authentication required")
        return None

    def may_see(self, name, user):
        return super().may_see(name, user) and (bool(user) or name in self.registry.repositories)

    def delete_tag(self, repo, name, tag):
        # skopeo#1880, okxlin/docker-mirror-monitor#13
        return error(405, "UNSUPPORTED", "The operation is unsupported.")

    delete_digest = delete_tag

    def delete_missing_repository(self, name, ref):
        return self.delete_tag(None, name, ref)

    def overwrite(self, name, tag):
        return None  # it overwrites silently


class Gcr(Profile):
    """GCR, Artifact Registry."""

    defaults = {"auth": "bearer", "service": "gcr.io", "expires_in": 43200}

    def bad_accept(self, kind):
        # GoogleCloudPlatform/gcr-cleaner#113
        return error(404, "MANIFEST_UNKNOWN", "Manifest has media type \"%s\" but client accepts other." % kind)

    def denied(self, name):
        # terraform-google-modules/terraform-google-kubernetes-engine#1779, argoproj/argo-cd#26260
        return error(403, "DENIED", "Permission \"artifactregistry.repositories.downloadArtifacts\" denied on "
                     "resource \"projects/p/locations/l/repositories/%s\" (or it may not exist)" % name)

    def token_refused(self, user, scopes):
        for name, _ in scopes:
            if not self.may_see(name, user):
                return self.denied(name)
        return None

    def may_see(self, name, user):
        return super().may_see(name, user) and (bool(user) or name in self.registry.repositories)

    def unauthorized(self, name, user):
        return None if user is None else self.denied(name)

    def delete_tag(self, repo, name, tag):
        if tag in repo.tags and any_match(self.opt("immutable"), tag):
            # artifactregistry_v1 DockerRepositoryConfig: refused; the words (U)
            return error(400, "FAILED_PRECONDITION", "cannot delete tag %s. The repository has enabled "
                         "tag immutability" % tag)
        return super().delete_tag(repo, name, tag)

    def delete_digest(self, repo, name, digest):
        tags = repo.tags_of(digest)
        if tags:
            # genuinetools/reg#136, enix/kube-image-keeper#636
            message = "Manifest is still referenced by tag: %s" % tags[0]
            return error(400, "GOOGLE_MANIFEST_DANGLING_TAG", message)
        return super().delete_digest(repo, name, digest)

    def overwrite(self, name, tag):
        # grafana/tempo#7428
        return error(400, "MANIFEST_INVALID", "cannot update tag %s. The repository has enabled tag "
                     "immutability" % tag)


class Ecr(Profile):
    """Basic, no token service (U). A repository has to be there before a push."""

    defaults = {"auth": "basic", "create_on_push": False}

    def no_repository(self, name, ref):
        # actions/starter-workflows#2647
        return error(404, "NAME_UNKNOWN", "The repository with name '%s' does not exist in the registry "
                     "with id '123456789012'" % name)

    def push_missing_repository(self, name):
        return self.no_repository(name, None)

    def no_tag(self, name, ref):
        return error(404, "MANIFEST_UNKNOWN", "Requested image not found")  # ggcr#1862

    def overwrite(self, name, tag):
        # osscontainertools/kaniko#204, moby/buildkit#3776; deleting is allowed
        return error(400, "TAG_INVALID", "The image tag '%s' already exists in the '%s' repository and "
                     "cannot be overwritten because the tag is immutable." % (tag, name))


class Acr(Profile):
    defaults = {"auth": "bearer", "service": "acr.example"}

    def locked(self):
        # Azure/azure-sdk-for-net#22827, Azure/acr-cli#70
        return error(405, "REGISTRY_DISALLOWED_OPERATION", "The operation is disallowed on this registry, "
                     "repository or image. View troubleshooting steps at https://aka.ms/acr/faq/#why-does-my-pull"
                     "-or-push-request-fail-with-disallowed-operation")

    def delete_tag(self, repo, name, tag):
        if tag in self.opt("locked"):
            return self.locked()
        return super().delete_tag(repo, name, tag)

    def delete_digest(self, repo, name, digest):
        if any(t in self.opt("locked") for t in repo.tags_of(digest)):
            return self.locked()
        return super().delete_digest(repo, name, digest)

    def overwrite(self, name, tag):
        return self.locked()


PROFILES = {
    "distribution2": Distribution2,
    "distribution3": Distribution3,
    "zot": Zot,
    "harbor": Harbor,
    "quay": Quay,
    "dockerhub": DockerHub,
    "ghcr": Ghcr,
    "gcr": Gcr,
    "ecr": Ecr,
    "acr": Acr,
}

DEFAULTS = {
    "auth": "none", "users": {"user": "secret"}, "identity": {}, "bearer": {}, "private": [], "owners": {},
    "readers": {}, "create_on_push": True, "repositories": [], "projects": [], "deletes": True,
    "immutable": [], "locked": [], "collisions": False, "referrers": True, "digest_header": True,
    "head": True, "accept": True, "page": 1000, "link": "relative", "challenge": "normal",
    "scheme_changes": False, "realm": None, "service": "fake", "expires_in": 300, "token_field": "token",
    "token_answer": None, "token_post": 200, "token_actions": ["push", "pull", "delete", "*"],
    "grants_less": False, "first_scope_only": False,
}


# --- the registry -------------------------------------------------------------


class FakeRegistry:
    def __init__(self, profile="distribution3", listen=("127.0.0.1", 0), tls=None, **options):
        self.lock = threading.RLock()
        self.profile_name = profile
        self.repositories = {}
        self.expired = {}  # quay: repository -> tags that were deleted
        self.tokens = {}  # token -> (user, {(repository, action)}, end)
        self.faults = []
        self.log = []
        self.uploads = {}
        self.released = threading.Event()
        self.stalled = self.stalls = self.most_stalled = 0
        self.profile = PROFILES[profile](self)
        self.options = dict(DEFAULTS)
        self.options.update(self.profile.defaults)
        self.set_options(options)
        self.server = Server(listen, Handler)
        self.server.registry = self
        self.tls = bool(tls)
        if tls:
            context = ssl.SSLContext(ssl.PROTOCOL_TLS_SERVER)
            context.load_cert_chain(*tls)
            self.server.socket = context.wrap_socket(self.server.socket, server_side=True)
        self.host = "%s:%d" % self.server.server_address[:2]
        self.url = "%s://%s" % ("https" if tls else "http", self.host)
        self.thread = None

    def start(self):
        self.thread = threading.Thread(target=self.server.serve_forever, args=(0.05,), daemon=True)
        self.thread.start()
        return self

    def stop(self):
        self.released.set()
        self.server.shutdown()
        self.server.server_close()

    def __enter__(self):
        return self.start()

    def __exit__(self, *_):
        self.stop()

    # what tests call

    def set_options(self, options):
        unknown = set(options) - set(DEFAULTS)
        if unknown:
            raise ValueError("no option named %s" % ", ".join(sorted(unknown)))
        with self.lock:
            self.options.update(options)
            for name in self.options["repositories"]:
                self.repositories.setdefault(name, Repository())

    def put(self, repository, tag=None, seed="", kind="image", subject=None, children=None):
        media = KINDS[kind]
        if kind in ("index", "list"):
            m = {"schemaVersion": 2, "mediaType": media,
                 "manifests": [self.descriptor(repository, d) for d in children or []]}
        else:
            config = "sha256:" + hashlib.sha256(seed.encode()).hexdigest()
            m = {"schemaVersion": 2, "mediaType": media,
                 "config": {"mediaType": "application/vnd.oci.image.config.v1+json", "digest": config, "size": 2},
                 "layers": []}
        m["annotations"] = {"seed": seed}
        if subject:
            m["subject"] = {"mediaType": OCI_IMAGE, "digest": subject, "size": 1}
            m["artifactType"] = "application/vnd.dev.sigstore.bundle.v0.3+json"
        return self.store(repository, tag, media, json.dumps(m).encode())

    def descriptor(self, repository, digest):
        with self.lock:
            repo = self.repositories.setdefault(repository, Repository())
            media, text = repo.manifests.get(digest, (OCI_IMAGE, "1"))
        return {"mediaType": media, "digest": digest, "size": len(text)}

    def store(self, repository, tag, media, text):
        digest = "sha256:" + hashlib.sha256(text).hexdigest()
        with self.lock:
            repo = self.repositories.setdefault(repository, Repository())
            repo.manifests[digest] = (media, text)
            if tag:
                repo.tags[tag] = digest
                self.expired.get(repository, set()).discard(tag)
        return digest

    def tag(self, repository, tag, digest):
        with self.lock:
            repo = self.repositories.setdefault(repository, Repository())
            if digest is None:
                repo.tags.pop(tag, None)
            else:
                repo.tags[tag] = digest

    def fault(self, do, **more):
        with self.lock:
            self.faults.append(dict(more, do=do))

    def stall(self):
        with self.lock:
            released = self.released
            self.stalled += 1
            self.stalls += 1
            self.most_stalled = max(self.most_stalled, self.stalled)
        released.wait()
        with self.lock:
            self.stalled -= 1

    def release(self):
        with self.lock:
            self.released.set()
            self.released = threading.Event()

    def reset(self):
        with self.lock:
            self.faults.clear()
            self.log.clear()

    def requests(self):
        with self.lock:
            return [dict(r) for r in self.log]

    def tags(self, repository):
        with self.lock:
            repo = self.repositories.get(repository)
            return dict(repo.tags) if repo else {}

    def state(self):
        with self.lock:
            return {"profile": self.profile_name, "options": self.options,
                    "repositories": {n: {"tags": dict(r.tags), "manifests": sorted(r.manifests)}
                                     for n, r in self.repositories.items()}}

    # who may what

    def can_read(self, name, user):
        o = self.options
        if not any_match(o["private"], name):
            return True
        if not user:
            return False
        if user not in o["owners"] and user not in o["readers"]:
            return True
        return any_match(o["owners"].get(user, []) + o["readers"].get(user, []), name)

    def can_write(self, name, user):
        o = self.options
        if not user:
            return False
        if user in o["owners"] or user in o["readers"]:
            return any_match(o["owners"].get(user, []), name)
        return True

    def allowed(self, name, user):
        actions = set()
        if self.profile.may_see(name, user):
            actions.add("pull")
        if self.can_write(name, user):
            actions |= {"push", "delete", "*", "pull"}
        return actions

    def user_of_basic(self, text):
        """The name, "" for a secret that is wrong."""
        try:
            name, secret = base64.b64decode(text, validate=True).decode().split(":", 1)
        except ValueError:
            return ""
        if self.options["users"].get(name) == secret:
            return name
        return self.options["identity"].get(secret, "")

    def match_fault(self, method, path):
        with self.lock:
            for f in self.faults:
                if f.get("method", method) != method or not re.search(f.get("path", ""), path):
                    continue
                if f.get("skip", 0) > 0:
                    f["skip"] -= 1
                    continue
                f["times"] = f.get("times", 1) - 1
                if f["times"] <= 0:
                    self.faults.remove(f)
                return f
        return None


class Server(ThreadingHTTPServer):
    daemon_threads = True
    request_queue_size = 128

    def handle_error(self, request, client_address):
        pass  # a client that went away


class Handler(BaseHTTPRequestHandler):
    protocol_version = "HTTP/1.1"
    server_version = "fake-registry"

    def log_message(self, *_):
        pass

    @property
    def registry(self):
        return self.server.registry

    @property
    def opt(self):
        return self.registry.options

    # --- one request

    def handle_one(self):
        self.content = self.read_body()
        if self.path.startswith("/_fake/"):
            self.send(self.control())
            return
        scheme = (self.headers.get("Authorization") or "").split(" ")[0] or None
        record = {"method": self.command, "path": self.path, "scheme": scheme,
                  "accept": self.headers.get("Accept"), "agent": self.headers.get("User-Agent"), "status": None}
        with self.registry.lock:
            record["n"] = len(self.registry.log)
            self.registry.log.append(record)
        self.record = record
        fault = self.registry.match_fault(self.command, self.path)
        if fault and self.fail(fault):
            return
        with self.registry.lock:
            answer = self.answer()
        if fault and fault["do"] == "lose":
            self.hang_up()
        elif fault and fault["do"] == "half":
            self.send_half(answer)
        else:
            self.send(answer)

    do_GET = do_HEAD = do_PUT = do_POST = do_PATCH = do_DELETE = handle_one

    def read_body(self):
        if "chunked" in (self.headers.get("Transfer-Encoding") or ""):
            parts = []
            while True:
                n = int(self.rfile.readline().split(b";")[0], 16)
                parts.append(self.rfile.read(n))
                self.rfile.readline()
                if n == 0:
                    return b"".join(parts)
        return self.rfile.read(int(self.headers.get("Content-Length") or 0))

    def send(self, answer):
        if hasattr(self, "record"):
            self.record["status"] = answer.status
            del self.record
        self.send_response(answer.status)
        for name, value in answer.headers.items():
            for v in value if isinstance(value, list) else [value]:
                self.send_header(name, v)
        if answer.body:
            self.send_header("Content-Type", answer.kind)
        self.send_header("Content-Length", str(len(answer.body)))
        self.end_headers()
        if self.command != "HEAD":
            self.wfile.write(answer.body)

    def hang_up(self):
        self.close_connection = True
        try:
            self.connection.shutdown(socket.SHUT_RDWR)
        except OSError:
            pass

    def send_half(self, answer):
        head = "HTTP/1.1 %d X\r\nContent-Type: %s\r\n" % (answer.status, answer.kind)
        for name, value in answer.headers.items():
            head += "%s: %s\r\n" % (name, value)
        if self.command == "HEAD":
            self.wfile.write(head[:len(head) // 2].encode())
        else:
            head += "Content-Length: %d\r\n\r\n" % max(len(answer.body), 2)
            self.wfile.write(head.encode() + answer.body[:len(answer.body) // 2])
        self.wfile.flush()
        self.hang_up()

    def fail(self, f):
        """True: nothing is left to be done."""
        do = f["do"]
        if do == "move_tag":
            self.registry.tag(f["repository"], f["tag"], f["digest"])
            return False
        if do in ("lose", "half"):
            return False
        if do == "close":
            self.hang_up()
        elif do == "stall":
            self.registry.stall()
            self.hang_up()
        elif do == "redirect":
            self.send(Answer(f.get("status", 307), headers={"Location": f["to"]}))
        elif do in ("html404", "html200"):
            self.send(Answer(int(do[4:]), "<html><body>Page</body></html>", kind="text/html"))
        elif do == "empty404":
            self.send(Answer(404))
        else:
            self.send(self.fault_status(f))
        return True

    def fault_status(self, f):
        status = int(f["do"])
        code = "TOOMANYREQUESTS" if status == 429 else "UNKNOWN"
        answer = error(status, code, "fault %d" % status)
        if "body" in f:
            answer.body = f["body"].encode()
            answer.kind = f.get("type", "application/json")
        if "retry_after" in f:
            answer.headers["Retry-After"] = f["retry_after"]
        if "x_retry_after" in f:
            answer.headers["X-Retry-After"] = f["x_retry_after"]
        answer.headers.update(f.get("headers", {}))
        return answer

    # --- control

    def control(self):
        r = self.registry
        name = self.path[len("/_fake/"):]
        ask = json.loads(self.content or b"{}")
        try:
            if name == "state":
                out = r.state()
            elif name == "requests":
                out = r.requests()
            elif name == "options":
                out = r.set_options(ask)
            elif name == "put":
                digest = r.put(**ask)
                kind, text = r.repositories[ask["repository"]].manifests[digest]
                out = {"digest": digest, "media_type": kind, "size": len(text)}
            elif name == "tag":
                out = r.tag(ask["repository"], ask["tag"], ask["digest"])
            elif name == "fault":
                out = r.fault(**ask)
            elif name == "release":
                out = r.release()
            elif name == "reset":
                out = r.reset()
            else:
                return Answer(404, '{"error":"no such control"}')
        except (KeyError, TypeError, ValueError) as e:
            return Answer(400, json.dumps({"error": "%s: %s" % (type(e).__name__, e)}))
        return Answer(200, json.dumps(out))

    # --- the registry's own paths

    def answer(self):
        url = urllib.parse.urlsplit(self.path)
        query = urllib.parse.parse_qs(url.query, keep_blank_values=True)
        if url.path == "/token":
            return self.token(query)
        if url.path in ("/v2/", "/v2"):
            return self.ping()
        m = re.match(r"/api/v2\.0/projects/([^/]+)/repositories/([^/]+)/artifacts/([^/]+)/tags/([^/]+)\Z", url.path)
        if m and hasattr(self.registry.profile, "delete_by_api"):
            return self.harbor_delete(*m.groups())
        if url.path == "/api/v2.0/ping" and hasattr(self.registry.profile, "delete_by_api"):
            return Answer(200, "Pong", kind="text/plain")  # src/server/v2.0/handler/ping.go
        m = re.match(r"/v2/(.+?)/(manifests|tags|blobs|referrers)/(.*)\Z", url.path)
        if not m:
            return Answer(404, "404 page not found\n", kind="text/plain")
        name, what, rest = (urllib.parse.unquote(g) for g in m.groups())
        if not NAME.match(name):
            return error(400, "NAME_INVALID", "invalid repository name", {"name": name})
        refused = self.refuse(name)
        if refused:
            return refused
        return getattr(self, what)(name, rest, query)

    def ping(self):
        if self.opt["auth"] == "none" or self.user() is not None:
            return Answer(200, "{}", {"Docker-Distribution-Api-Version": "registry/2.0"})
        return self.challenge(None)

    def harbor_delete(self, project, repository, reference, tag):
        # A repository's slash comes as %252F.
        name = urllib.parse.unquote(urllib.parse.unquote(project + "/" + repository))
        kind, _, text = (self.headers.get("Authorization") or "").partition(" ")
        user = self.registry.user_of_basic(text) if kind == "Basic" else ""
        if self.opt["auth"] != "none" and not self.registry.can_write(name, user):
            return error(401, "UNAUTHORIZED", "unauthorized")
        return self.registry.profile.delete_by_api(name, reference, tag)

    def manifests(self, name, ref, _):
        profile = self.registry.profile
        repo = self.registry.repositories.get(name)
        if self.command == "PUT":
            return self.put_manifest(name, ref)
        if not TAG.match(ref) and not DIGEST.match(ref):
            return error(400, "TAG_INVALID", "manifest tag did not match URI", {"Tag": ref})
        if self.command == "DELETE":
            return self.delete_manifest(profile, repo, name, ref)
        if self.command == "HEAD" and not self.opt["head"]:
            return Answer(405)
        if repo is None:
            return profile.no_repository(name, ref)
        digest = ref if DIGEST.match(ref) else repo.tags.get(ref)
        if digest not in repo.manifests:
            return profile.no_tag(name, ref)
        kind, text = repo.manifests[digest]
        if self.opt["accept"] and kind not in (self.headers.get("Accept") or ""):
            return profile.bad_accept(kind)
        headers = {}
        if self.opt["digest_header"]:
            headers["Docker-Content-Digest"] = digest if self.opt["digest_header"] is True else "sha256:junk"
        return Answer(200, text, headers, kind)

    def delete_manifest(self, profile, repo, name, ref):
        if not self.opt["deletes"]:
            return profile.deletes_off()
        if repo is None:
            return profile.delete_missing_repository(name, ref)
        if DIGEST.match(ref):
            return profile.delete_digest(repo, name, ref)
        return profile.delete_tag(repo, name, ref)

    def put_manifest(self, name, ref):
        r = self.registry
        repo = r.repositories.get(name)
        if repo is None and not self.opt["create_on_push"]:
            return r.profile.push_missing_repository(name)
        try:
            m = json.loads(self.content)
        except ValueError:
            return error(400, "MANIFEST_INVALID", "manifest invalid")
        by_tag = not DIGEST.match(ref)
        if by_tag and repo and ref in repo.tags and (any_match(self.opt["immutable"], ref) or
                                                     ref in self.opt["locked"]):
            refused = r.profile.overwrite(name, ref)
            if refused:
                return refused
        digest = r.store(name, ref if by_tag else None, self.headers.get("Content-Type") or OCI_IMAGE, self.content)
        headers = {"Location": "/v2/%s/manifests/%s" % (name, digest), "Docker-Content-Digest": digest}
        if self.opt["referrers"] and isinstance(m, dict) and m.get("subject"):
            headers["OCI-Subject"] = m["subject"]["digest"]
        return Answer(201, headers=headers)

    def tags(self, name, rest, query):
        repo = self.registry.repositories.get(name)
        if rest != "list" or self.command != "GET":
            return Answer(404, "404 page not found\n", kind="text/plain")
        if repo is None:
            return error(404, "NAME_UNKNOWN", "repository name not known to registry", {"name": name})
        page, headers = self.page(sorted(repo.tags), query, str)
        return Answer(200, json.dumps({"name": name, "tags": page}), headers)

    def page(self, whole, query, name_of):
        """(what the page has, its headers). whole is in the order of the names."""
        size = min(int(query.get("n", ["1000"])[0]), self.opt["page"])
        last = query.get("last", [""])[0]
        rest = [x for x in whole if name_of(x) > last]
        page, headers = rest[:size], {}
        if self.opt["link"] == "loop":
            headers["Link"] = '<%s>; rel="next"' % self.path
        elif len(rest) > size:
            path = urllib.parse.urlsplit(self.path).path
            to = "%s?%s" % (path, urllib.parse.urlencode({"last": name_of(page[-1]), "n": size}))
            base = self.registry.url if self.opt["link"] == "absolute" else ""
            headers["Link"] = '<%s%s>; rel="next"' % (base, to)
        return page, headers

    def referrers(self, name, digest, query):
        repo = self.registry.repositories.get(name)
        if not self.opt["referrers"] or repo is None:
            return Answer(404, "404 page not found\n", kind="text/plain")
        found = sorted(repo.referrers_of(digest), key=lambda r: r["digest"])
        page, headers = self.page(found, query, lambda r: r["digest"])
        body = {"schemaVersion": 2, "mediaType": OCI_INDEX, "manifests": page}
        return Answer(200, json.dumps(body), headers, kind=OCI_INDEX)

    def blobs(self, name, rest, query):
        repo = self.registry.repositories.get(name)
        if repo is None:
            if self.command in ("GET", "HEAD", "DELETE") or not self.opt["create_on_push"]:
                return error(404, "NAME_UNKNOWN", "repository name not known to registry", {"name": name})
            repo = self.registry.repositories.setdefault(name, Repository())
        if rest.startswith("uploads"):
            return self.upload(repo, name, rest, query)
        if rest not in repo.blobs:
            return error(404, "BLOB_UNKNOWN", "blob unknown to registry")
        if self.command == "DELETE":
            del repo.blobs[rest]
            return Answer(202)
        return Answer(200, repo.blobs[rest], {"Docker-Content-Digest": rest}, "application/octet-stream")

    def upload(self, repo, name, rest, query):
        held = self.registry.uploads
        if self.command == "POST":
            key = secrets.token_hex(8)
            held[key] = b""
        else:
            key = rest.rsplit("/", 1)[-1]
            if key not in held:
                return error(404, "BLOB_UPLOAD_UNKNOWN", "blob upload unknown to registry")
        held[key] += self.content
        if "digest" not in query or self.command == "PATCH":
            return Answer(202, headers={"Location": "/v2/%s/blobs/uploads/%s" % (name, key),
                                        "Range": "0-%d" % max(len(held[key]) - 1, 0)})
        text, digest = held.pop(key), query["digest"][0]
        if digest != "sha256:" + hashlib.sha256(text).hexdigest():
            return error(400, "DIGEST_INVALID", "provided digest did not match uploaded content")
        repo.blobs[digest] = text
        return Answer(201, headers={"Location": "/v2/%s/blobs/%s" % (name, digest), "Docker-Content-Digest": digest})

    # --- who asks

    def user(self):
        """"": nobody with a name; None: what was sent is not good."""
        kind, _, text = (self.headers.get("Authorization") or "").partition(" ")
        if not kind:
            return None
        if kind == "Basic" and self.opt["auth"] == "basic":
            return self.registry.user_of_basic(text) or None
        if kind == "Bearer" and self.opt["auth"] == "bearer":
            if text in self.opt["bearer"]:
                return self.opt["bearer"][text]
            user, _, end = self.registry.tokens.get(text, (None, None, 0))
            return user if time.monotonic() < end else None
        return None

    def action(self):
        return {"GET": "pull", "HEAD": "pull", "DELETE": "delete"}.get(self.command, "push")

    def granted(self, name):
        """The actions on name that the request's own credentials are good for."""
        _, _, text = (self.headers.get("Authorization") or "").partition(" ")
        user = self.user()
        if user is None:
            return set()
        if self.opt["auth"] == "bearer" and text not in self.opt["bearer"]:
            return {a for n, a in self.registry.tokens[text][1] if n == name}
        return self.registry.allowed(name, user)

    def refuse(self, name):
        """None: go on."""
        if self.opt["auth"] == "none":
            return None
        action, granted = self.action(), self.granted(name)
        if action in granted or "*" in granted:
            return None
        if action == "delete" and self.registry.profile.delete_scope != "delete" and "push" in granted:
            return None
        answer = self.registry.profile.unauthorized(name, self.user())
        return answer or self.challenge(name)

    def scope(self, name):
        if name is None:
            return None
        if self.action() == "delete":
            return "repository:%s:%s" % (name, self.registry.profile.delete_scope)
        # distribution registry/handlers/app.go
        return "repository:%s:%s" % (name, "pull" if self.action() == "pull" else "pull,push")

    def challenge(self, name):
        had = bool(self.headers.get("Authorization"))
        realm = self.opt["realm"] or self.registry.url + "/token"
        body = error(401, "UNAUTHORIZED", "authentication required", [{"Type": "repository", "Name": name}])
        body.headers["WWW-Authenticate"] = self.challenges(realm, self.scope(name), had, name)
        if self.opt["challenge"] == "none":
            del body.headers["WWW-Authenticate"]
        return body

    def challenges(self, realm, scope, had, name):
        how = self.opt["challenge"]
        if self.opt["auth"] == "basic":
            return 'Basic realm="https://fake/",service="fake"'
        if had and self.opt["scheme_changes"]:
            return 'Basic realm="harbor"'  # src/server/middleware/v2auth/auth.go
        if how == "placeholder" and name is None:
            scope = "repository:user/image:pull"  # toddysm.com 2024-02-12
        text = 'Bearer realm="%s",service="%s"' % (realm, self.opt["service"])
        if scope and how != "no-scope":
            text += ',scope="%s"' % (scope if how != "two-scopes" else scope + " repository:other/one:pull")
        if had:
            # registry/auth/token/accesscontroller.go
            text += ',error="%s"' % ("insufficient_scope" if self.user() is not None else "invalid_token")
        return {
            "empty": "",
            "several": 'Negotiate, Basic realm="a, \\"b\\"", ' + text + ", Digest realm=x, nonce=\"y,z\"",
            "several-headers": ['Basic realm="x"', text],
            "basic-first": 'Basic realm="x", ' + text,
            "odd-case": text.replace("Bearer realm", "bEARER  Realm").replace(",service", " , SERVICE"),
        }.get(how, text)

    def token(self, query):
        o = self.opt
        if self.command == "POST":
            if o["token_post"] != 200:
                return Answer(o["token_post"], "404 page not found\n", kind="text/plain")
            query = urllib.parse.parse_qs(self.content.decode())
            query["scope"] = " ".join(query.get("scope", [])).split()
            user = o["identity"].get(query.get("refresh_token", [""])[0], "")
            bad = not user or query.get("grant_type") != ["refresh_token"] or "client_id" not in query
        else:
            kind, _, text = (self.headers.get("Authorization") or "").partition(" ")
            user = self.registry.user_of_basic(text) if kind == "Basic" else ""
            bad = bool(kind) and not user  # ghcr: a Bearer PAT here gives 401
        texts = [t for s in query.get("scope", []) for t in s.split()]
        self.record["scopes"] = texts
        if o["token_answer"]:
            return Answer(o["token_answer"][0], o["token_answer"][1])
        if bad:
            return error(401, "UNAUTHORIZED", "incorrect username or password")
        return self.make_token(user, texts)

    def make_token(self, user, texts):
        o, scopes, granted = self.opt, [], set()
        for text in texts[:1] if o["first_scope_only"] else texts:
            kind, name, actions = (text.split(":") + ["", ""])[:3]
            for a in actions.split(","):
                if a not in o["token_actions"]:
                    # quay endpoints/v2/v2auth.py
                    return error(400, "INVALID_REQUEST", "Unknown action: %s" % a)
                scopes.append((name, a))
        refused = self.registry.profile.token_refused(user, scopes)
        if refused:
            return refused
        for name, a in scopes:
            # Less than was asked is no error (docs/content/spec/auth/token.md).
            if not o["grants_less"] and a in self.registry.allowed(name, user):
                granted.add((name, a))
        token = "t-" + secrets.token_urlsafe(24)
        self.registry.tokens[token] = (user, granted, time.monotonic() + (o["expires_in"] or 60))
        out = {}
        if o["token_field"] in ("token", "both"):
            out["token"] = token
        if o["token_field"] in ("access_token", "both"):
            out["access_token"] = token
        if o["expires_in"] is not None:
            out["expires_in"] = o["expires_in"]
        return Answer(200, json.dumps(out))


def main():
    p = argparse.ArgumentParser(description=__doc__.split("\n")[0])
    p.add_argument("--profile", default="distribution3", choices=sorted(PROFILES))
    p.add_argument("--listen", default="127.0.0.1:0")
    p.add_argument("--option", action="append", default=[], metavar="NAME=JSON")
    p.add_argument("--tls", nargs=2, metavar=("CERT", "KEY"))
    args = p.parse_args()
    host, _, port = args.listen.rpartition(":")
    options = {name: json.loads(value) for name, _, value in (o.partition("=") for o in args.option)}
    registry = FakeRegistry(args.profile, (host, int(port)), args.tls, **options)
    print("listening on %s" % registry.host, flush=True)
    try:
        registry.server.serve_forever()
    except KeyboardInterrupt:
        sys.exit(0)


if __name__ == "__main__":
    main()
