"""cleanup at Docker Hub and GHCR, whose tags go by APIs of their own."""
import contextlib
import json
import re
import shutil
import signal
import tempfile
import time

from cleanup_world import also, asked, deletes, results, signature
from fake_github import FakeGithub
from fake_hub import FakeHub
from fake_proxy import FakeProxy, make_certificate
from fake_registry import FakeRegistry
from world import OTHER, Bystander, eq, has, lacks, test

REPO = "acme/app"
DOCKER = "https://index.docker.io/v1/"


# --- Docker Hub -----------------------------------------------------------------------


@contextlib.contextmanager
def hub(w, log_in=True, **options):
    with FakeRegistry("dockerhub", users={"acme": "hub-secret"}) as r, FakeHub(r, **options) as h:
        w.env["SIGRELAY_DOCKERHUB_REGISTRY_URL"] = r.url
        w.env["SIGRELAY_DOCKERHUB_URL"] = h.url
        if log_in:
            w.log_in((DOCKER, "acme", "hub-secret"))
        w.secrets.append("hub-token-")
        yield r, h


def hub_image(w, r, tag="v1", seed="run", before="absent", **more):
    digest = r.put(REPO, tag, seed, **more)
    w.pushed("docker.io", REPO, tag, digest, before)
    return digest


@test
def hub_goes(w):
    with hub(w) as (r, h):
        kept = r.put(REPO, "v0", "older")
        digest = hub_image(w, r)
        answer = w.json(0)
        eq((results(answer), r.tags(REPO)), ({"v1": "deleted"}, {"v0": kept}))
        eq(deletes(h), ["/v2/repositories/acme/app/tags/v1/"])
        eq([(x["method"], x["path"], x["scheme"]) for x in h.requests()],
           [("POST", "/v2/auth/token", None), ("DELETE", "/v2/repositories/acme/app/tags/v1/", "Bearer")])
        eq(deletes(r)[0], "/v2/%s/manifests/%s" % (REPO, digest))
        eq(r.state()["repositories"][REPO]["manifests"], [kept])


@test
def hub_with_an_official_image(w):
    with hub(w, users={"acme": "hub-secret"}) as (r, h):
        digest = r.put("library/app", "v1", "run")
        w.pushed("docker.io", "library/app", "v1", digest)
        w.run(0)
        eq(deletes(h), ["/v2/repositories/library/app/tags/v1/"])


@test
def hub_logs_in_once(w):
    with hub(w) as (r, h):
        for i in range(3):
            hub_image(w, r, "v%d" % i, "run %d" % i)
        w.run(0)
        eq((asked(h, "POST"), len(deletes(h))), (["/v2/auth/token"], 3))


@test
def hub_signatures_go(w):
    with hub(w) as (r, h):
        digest = hub_image(w, r)
        for suffix in (".sig", ".att"):
            r.put(REPO, signature(digest, suffix), suffix)
        answer = w.json(0)
        eq((also(answer, "signature"), r.tags(REPO)),
           ({signature(digest): "deleted", signature(digest, ".att"): "deleted"}, {}))


@test
def hub_shared_digest(w):
    with hub(w) as (r, h):
        digest = hub_image(w, r)
        r.tag(REPO, "stable", digest)
        w.run(0)
        eq((r.tags(REPO), [d for d in deletes(r)]), ({"stable": digest}, []))


@test
def hub_keeps_the_manifest(w):
    """In 2023 Hub's registry deleted nothing by digest: the tag counts."""
    with hub(w) as (r, h):
        digest = hub_image(w, r)
        r.fault("405", method="DELETE", times=9, body=json.dumps({"errors": [{"code": "UNSUPPORTED"}]}))
        answer = w.json(0)
        eq((results(answer), also(answer, "digest"), r.tags(REPO)), ({"v1": "deleted"}, {digest: "kept"}, {}))


@test
def hub_moved(w):
    with hub(w) as (r, h):
        hub_image(w, r)
        other = r.put(REPO, "v1", "somebody else's")
        w.run(0)
        eq((deletes(h), r.tags(REPO)), ([], {"v1": other}))


@test
def hub_lost_answer(w):
    with hub(w) as (r, h):
        hub_image(w, r)
        h.fault("lose", method="DELETE")
        answer = w.json(0)
        eq((results(answer), len(deletes(h))), ({"v1": "gone"}, 2))


@test
def hub_twice(w):
    with hub(w) as (r, h):
        hub_image(w, r)
        before = w.text("ledger")
        w.run(0)
        with open(w.ledger, "w") as f:
            f.write(before)
        h.reset()
        eq(results(w.json(0)), {"v1": "gone"})
        eq(deletes(h), [])


@test
def hub_immutable_by_rules(w):
    with hub(w, immutable=[r"^\d+\.\d+\.\d+$", "^v"]) as (r, h):
        digest = hub_image(w, r)
        answer = w.json(4)
        image = answer["images"][0]
        eq((image["result"], r.tags(REPO)), ("left", {"v1": digest}))
        has(image["reason"], "403", "acme/app has immutable tags, by the rules ^\\d+\\.\\d+\\.\\d+$, ^v")
        has(image["steps"][0], "Settings, General, Tag mutability")
        eq(image["steps"][1], "or keep it, and sign it: cosign sign --yes docker.io/acme/app@" + digest)


@test
def hub_all_immutable(w):
    with hub(w, all_immutable=True) as (r, h):
        hub_image(w, r)
        has(w.json(4)["images"][0]["reason"], "has immutable tags")


@test
def hub_no_admin(w):
    with hub(w, refuse="admin") as (r, h):
        digest = hub_image(w, r)
        answer = w.json(4)
        has(answer["images"][0]["reason"], "403: permission denied", "no admin right on acme/app")
        has(answer["images"][0]["steps"][0], "personal access token with Read, Write, Delete")
        eq(r.tags(REPO), {"v1": digest})


@test
def hub_token_without_the_right(w):
    for refuse in ("pat", "jwt", "nested", "405"):
        with hub(w, refuse=refuse) as (r, h):
            digest = hub_image(w, r)
            answer = w.json(4)
            eq((results(answer), r.tags(REPO), len(deletes(h))), ({"v1": "left"}, {"v1": digest}, 1), refuse)
        if refuse == "nested":
            has(answer["images"][0]["reason"], "500 with UNAUTHORIZED inside", "Read, Write, Delete")
        open(w.ledger, "w").close()


@test
def hub_second_factor(w):
    with hub(w, second=["acme"]) as (r, h):
        hub_image(w, r)
        hub_image(w, r, "v2", "second")
        answer = w.json(4)
        has(answer["images"][0]["reason"], "second factor", "personal access token")
        eq((asked(h, "POST"), deletes(h)), (["/v2/auth/token"], []))


@test
def hub_wrong_password(w):
    with hub(w, users={"acme": "another"}) as (r, h):
        digest = hub_image(w, r)
        answer = w.json(4)
        has(answer["images"][0]["reason"], "refused docker.io's credential of acme",
            "Incorrect authentication credentials")
        eq(r.tags(REPO), {"v1": digest})


@test
def hub_without_a_credential(w):
    with hub(w, log_in=False) as (r, h):
        hub_image(w, r)
        answer = w.json(4)
        has(answer["images"][0]["reason"], "there is none for docker.io", "docker login")
        eq(h.requests(), [])


@test
def hub_of_old(w):
    """Without /v2/auth/token: users/login and JWT."""
    with hub(w, auth_token=False) as (r, h):
        hub_image(w, r)
        w.run(0)
        eq([(x["path"], x["scheme"]) for x in h.requests()],
           [("/v2/auth/token", None), ("/v2/users/login", None), ("/v2/repositories/acme/app/tags/v1/", "JWT")])


@test
def hub_of_old_with_a_second_factor(w):
    with hub(w, auth_token=False, second=["acme"]) as (r, h):
        hub_image(w, r)
        has(w.json(4)["images"][0]["reason"], "second factor")


@test
def hub_token_runs_out(w):
    with hub(w, token_uses=2) as (r, h):
        for i in range(5):
            hub_image(w, r, "v%d" % i, "run %d" % i)
        w.run(0)
        eq((r.tags(REPO), len(asked(h, "POST"))), ({}, 3))


@test
def hub_throttles(w):
    """X-Retry-After is a unix time."""
    with hub(w) as (r, h):
        hub_image(w, r)
        h.fault("429", method="DELETE", x_retry_after=str(int(time.time()) + 1))
        w.run(0)
        eq((r.tags(REPO), len(deletes(h))), ({}, 2))


@test
def hub_throttles_for_long(w):
    with hub(w) as (r, h):
        hub_image(w, r)
        h.fault("429", method="DELETE", x_retry_after=str(int(time.time()) + 1000))
        image = w.json(4)["images"][0]
        has(image["reason"], "429", "too many requests; it may be asked again in 16m")
        eq(image["steps"][0], "run cleanup again: it goes on where it was")


@test
def hub_is_down(w):
    with hub(w) as (r, h):
        digest = hub_image(w, r)
        h.fault("503", method="DELETE", times=999, body="<html><title>down</title></html>", type="text/html")
        answer = w.json(4, "--timeout", "2s")
        eq((results(answer), r.tags(REPO)), ({"v1": "left"}, {"v1": digest}))
        has(answer["images"][0]["reason"], "503")
        has(answer["images"][0]["steps"][0], "run cleanup again")
        h.reset()
        w.run(0)
        eq(r.tags(REPO), {})


@test
def hub_answers_with_pages_for_people(w):
    with hub(w) as (r, h):
        digest = hub_image(w, r)
        h.fault("html200", path="auth/token")
        has(w.json(4)["images"][0]["reason"], "login without a token")
        h.fault("html200", method="DELETE")
        image = w.json(4)["images"][0]
        has(image["reason"], "200, but it is still there")
        eq((image["also"], deletes(r)), ([], []))
        h.fault("html404", method="DELETE")
        has(w.json(4)["images"][0]["reason"], "404, but it is still there")
        eq(r.tags(REPO), {"v1": digest})


@test
def hub_moved_while_logging_in(w):
    with hub(w) as (r, h):
        hub_image(w, r)
        other = r.put(REPO, None, "somebody else's")
        h.fault("move_tag", method="POST", repository=REPO, tag="v1", digest=other)
        answer = w.json(0)
        eq((results(answer), r.tags(REPO), deletes(h)), ({"v1": "kept"}, {"v1": other}, []))


@test
def docker_io_that_is_not_docker_hub(w):
    """Hub may have a tag of the same name, which is somebody's release."""
    with FakeRegistry("distribution3") as r, Bystander() as proxy:
        w.log_in((DOCKER, "acme", "hub-secret"))
        w.env.update(SIGRELAY_DOCKERHUB_REGISTRY_URL=r.url, https_proxy=proxy.url)
        w.pushed("docker.io", REPO, "v1", r.put(REPO, "v1"))
        has(w.json(0, "--dry-run")["images"][0]["reason"], "DELETE /v2/acme/app/manifests/v1")
        eq(results(w.json(0)), {"v1": "deleted"})
        eq((r.tags(REPO), proxy.was_asked()), ({}, False))


@test
def hub_dry_run(w):
    with hub(w) as (r, h):
        digest = hub_image(w, r)
        answer = w.json(0, "--dry-run")
        eq((results(answer), r.tags(REPO), deletes(h), deletes(r)), ({"v1": "planned"}, {"v1": digest}, [], []))
        eq((asked(h, "POST"), asked(h, "GET")), (["/v2/auth/token"], ["/v2/namespaces/acme/repositories/app"]))
        has(answer["images"][0]["reason"], "would ask %s: DELETE /v2/repositories/acme/app/tags/v1/" % h.url)


@test
def hub_dry_run_without_a_credential(w):
    with hub(w, log_in=False) as (r, h):
        hub_image(w, r)
        answer = w.json(4, "--dry-run")
        has(answer["images"][0]["reason"], "there is none for docker.io")


@test
def hub_dry_run_of_immutable_tags(w):
    with hub(w, all_immutable=True) as (r, h):
        hub_image(w, r)
        has(w.json(4, "--dry-run")["images"][0]["reason"], "all tags of acme/app are immutable")
        h.hub.update({"all_immutable": False, "immutable": [".*"]})
        has(w.json(4, "--dry-run")["images"][0]["reason"], "all tags of acme/app are immutable")
        h.hub.update({"immutable": ["^v"]})
        answer = w.json(0, "--dry-run")
        has(answer["images"][0]["reason"], "may be refused: acme/app has immutable tags, by the rules ^v; would ask")


@test
def hub_stopped_and_run_again(w):
    with hub(w) as (r, h):
        hub_image(w, r)
        h.fault("stall", method="DELETE")
        w.stop(128 + signal.SIGTERM, lambda: bool(deletes(h)))
        h.release()
        w.run(0)
        eq(r.tags(REPO), {})


# --- GHCR ----------------------------------------------------------------------------------

CERTIFICATE = []


def certificate():
    if not CERTIFICATE:
        CERTIFICATE.extend(make_certificate(tempfile.mkdtemp(prefix="sigrelay-ca."), "ghcr.io"))
    return CERTIFICATE


def forget_certificate():
    if CERTIFICATE:
        shutil.rmtree(CERTIFICATE[0].rsplit("/", 1)[0])
        CERTIFICATE.clear()


@contextlib.contextmanager
def ghcr(w, token="gh-secret", log_in=True, **options):
    ca, cert, key = certificate()
    with FakeRegistry("ghcr", tls=(cert, key), users={"acme": "ghcr-pat"}, realm="https://ghcr.io/token") as r, \
            FakeGithub(r, **options) as api, FakeProxy({"ghcr.io:443": r.host}) as proxy:
        w.env.update({"https_proxy": proxy.url, "SIGRELAY_CA_FILE": ca, "SIGRELAY_GITHUB_API_URL": api.url})
        if token:
            w.env["GITHUB_TOKEN"] = token
            w.secrets.append(token)
        if log_in:
            w.log_in(("ghcr.io", "acme", "ghcr-pat"))
        yield r, api


def ghcr_image(w, r, tag="v1", seed="run", before="absent", repo=REPO, **more):
    digest = r.put(repo, tag, seed, **more)
    w.pushed("ghcr.io", repo, tag, digest, before)
    return digest


@test
def ghcr_goes(w):
    with ghcr(w) as (r, api):
        kept = r.put(REPO, "v0", "older")
        ghcr_image(w, r)
        answer = w.json(0)
        eq((results(answer), r.tags(REPO)), ({"v1": "deleted"}, {"v0": kept}))
        eq((r.state()["repositories"][REPO]["manifests"], deletes(r)), ([kept], []))
        eq(asked(api, "GET")[0], "/users/acme")
        has(deletes(api)[0], "/orgs/acme/packages/container/app/versions/")
        eq({x["scheme"] for x in api.requests()}, {"Bearer"})


@test
def ghcr_of_a_user_and_a_deep_path(w):
    with ghcr(w, organizations=[]) as (r, api):
        repo = "acme/team/app"
        r.put(repo, "v0", "older")
        ghcr_image(w, r, repo=repo)
        w.run(0)
        eq(list(r.tags(repo)), ["v0"])
        has(deletes(api)[0], "/users/acme/packages/container/team%2Fapp/versions/")


@test
def ghcr_with_the_credential(w):
    with ghcr(w, token=None, tokens={"ghcr-pat": "admin"}) as (r, api):
        r.put(REPO, "v0", "older")
        ghcr_image(w, r)
        w.run(0)
        eq(list(r.tags(REPO)), ["v0"])


@test
def ghcr_with_gh_token(w):
    with ghcr(w, token="not good", tokens={"gh-other": "admin"}) as (r, api):
        w.env["GH_TOKEN"] = "gh-other"
        w.secrets.append("gh-other")
        r.put(REPO, "v0", "older")
        ghcr_image(w, r)
        w.run(0)


@test
def ghcr_without_a_token(w):
    with ghcr(w, token=None, log_in=False) as (r, api):
        ghcr_image(w, r)
        answer = w.json(4)
        has(answer["images"][0]["reason"], "GITHUB_TOKEN", "packages: write")
        eq(api.requests(), [])


@test
def ghcr_pages(w):
    with ghcr(w, page=3) as (r, api):
        digest = ghcr_image(w, r)
        for i in range(10):
            r.put(REPO, "old-%d" % i, "old %d" % i)
        api.id_of(digest)  # the oldest: on the last page
        w.run(0)
        eq("v1" in r.tags(REPO), False)
        has(" ".join(asked(api, "GET")), "page=4")


@test
def ghcr_another_tag_of_the_version(w):
    with ghcr(w) as (r, api):
        digest = ghcr_image(w, r)
        r.tag(REPO, "stable", digest)
        answer = w.json(4)
        eq((results(answer), deletes(api), len(r.tags(REPO))), ({"v1": "left"}, [], 2))
        has(answer["images"][0]["reason"], "with all its tags", "the tag stable too")
        has(answer["images"][0]["steps"][0], "push something else under it")


@test
def ghcr_two_own_tags(w):
    with ghcr(w) as (r, api):
        r.put(REPO, "v0", "older")
        digest = ghcr_image(w, r)
        r.tag(REPO, "latest", digest)
        w.pushed("ghcr.io", REPO, "latest", digest)
        answer = w.json(0)
        eq((results(answer), list(r.tags(REPO))), ({"latest": "deleted", "v1": "gone"}, ["v0"]))
        eq(len(deletes(api)), 1)


@test
def ghcr_last_tagged_version(w):
    with ghcr(w) as (r, api):
        digest = ghcr_image(w, r)
        answer = w.json(4)
        has(answer["images"][0]["reason"], "last tagged version of a package")
        has(answer["images"][0]["steps"][0], "package app, delete it whole")
        eq(r.tags(REPO), {"v1": digest})
        has(w.json(0, "--dry-run")["images"][0]["reason"], "may be refused", "last tagged version")
        r.put(REPO, "v0", "older")
        lacks(w.json(0, "--dry-run")["images"][0]["reason"], "may be refused")


@test
def ghcr_downloads(w):
    with ghcr(w) as (r, api):
        r.put(REPO, "v0", "older")
        digest = ghcr_image(w, r)
        api.api["downloads"] = [digest]
        answer = w.json(4)
        has(answer["images"][0]["reason"], "more than 5000 downloads")
        has(answer["images"][0]["steps"][0], "support")


@test
def ghcr_no_right(w):
    for right, said in (("write", "DELETE of the version"), ("none", "list of versions")):
        with ghcr(w, tokens={"gh-secret": right}) as (r, api):
            r.put(REPO, "v0", "older")
            ghcr_image(w, r)
            answer = w.json(4)
            has(answer["images"][0]["reason"], said, "404: Package not found.", "Admin role", "delete:packages")
            has(answer["images"][0]["steps"][0], "Manage Actions access")
            eq(len(r.tags(REPO)), 2)
        open(w.ledger, "w").close()


@test
def ghcr_bad_token(w):
    with ghcr(w, tokens={}) as (r, api):
        ghcr_image(w, r)
        has(w.json(4)["images"][0]["reason"], "401: Bad credentials", "the token is not good")


@test
def ghcr_rate_limit(w):
    with ghcr(w, limited=True) as (r, api):
        ghcr_image(w, r)
        has(w.json(4)["images"][0]["reason"], "rate limit is used up")


SECONDARY = json.dumps({"message": "You have exceeded a secondary rate limit. Please wait."})


@test
def ghcr_secondary_rate_limit(w):
    """A 403 that says when to come back is no missing right."""
    with ghcr(w) as (r, api):
        r.put(REPO, "v0", "older")
        ghcr_image(w, r)
        api.fault("403", method="DELETE", body=SECONDARY, retry_after="1")
        w.run(0)
        eq((list(r.tags(REPO)), len(deletes(api))), (["v0"], 2))


@test
def ghcr_rate_limit_for_longer_than_cleanup_waits(w):
    limits = ({"Retry-After": "600"},
              {"X-RateLimit-Remaining": "0", "X-RateLimit-Reset": str(int(time.time()) + 7200)})
    for headers, wait in zip(limits, ("10m", "1h 59m")):
        with ghcr(w) as (r, api):
            r.put(REPO, "v0", "older")
            ghcr_image(w, r)
            api.fault("403", path="versions", body=SECONDARY, headers=headers)
            image = w.json(4)["images"][0]
            has(image["reason"], "403: You have exceeded a secondary rate limit.", "too many requests", wait)
            lacks(image["reason"], "Admin role")
            eq(image["steps"][0], "run cleanup again: it goes on where it was")
        open(w.ledger, "w").close()


@test
def ghcr_token_with_the_end_of_a_line(w):
    with ghcr(w) as (r, api):
        r.put(REPO, "v0", "older")
        ghcr_image(w, r)
        w.env["GITHUB_TOKEN"] = "gh-secret\r\n"
        w.run(0)
        eq(list(r.tags(REPO)), ["v0"])


@test
def ghcr_token_that_is_none(w):
    for token in ("gh-secret\nX-Other: 1", "gh secret", "\n", "geh\u00e4im"):
        with ghcr(w) as (r, api):
            ghcr_image(w, r)
            w.env["GITHUB_TOKEN"] = token
            has(w.json(4)["images"][0]["reason"], "GH_TOKEN or GITHUB_TOKEN holds no token", "line break")
            eq(api.requests(), [])
        open(w.ledger, "w").close()


@test
def ghcr_page_for_people_deletes_nothing(w):
    """Somebody between here and there answers DELETE with a 200."""
    with ghcr(w) as (r, api):
        r.put(REPO, "v0", "older")
        ghcr_image(w, r)
        api.fault("html200", method="DELETE", times=999)
        image = w.json(4)["images"][0]
        has(image["reason"], "GitHub's DELETE of the version: 200, but it is still there")
        eq((image["also"], sorted(r.tags(REPO))), ([], ["v0", "v1"]))


@test
def ghcr_stale_list(w):
    """Somebody deletes the version while it is still listed: 404, and a look confirms it."""
    with ghcr(w, behind=9) as (r, api):
        r.put(REPO, "v0", "older")
        digest = ghcr_image(w, r)
        api.api.update({"hidden": [digest], "stale": [(1, digest, ["v1"])]})
        r.fault("move_tag", path="referrers", repository=REPO, tag="v1", digest=None)
        answer = w.json(0)
        eq((results(answer), len(deletes(api))), ({"v1": "gone"}, 1))


@test
def ghcr_list_is_behind(w):
    with ghcr(w, behind=1) as (r, api):
        r.put(REPO, "v0", "older")
        digest = ghcr_image(w, r)
        api.api["hidden"] = [digest]
        w.run(0)
        eq(list(r.tags(REPO)), ["v0"])


@test
def ghcr_list_stays_behind(w):
    with ghcr(w, behind=99) as (r, api):
        digest = ghcr_image(w, r)
        api.api["hidden"] = [digest]
        answer = w.json(4)
        has(answer["images"][0]["reason"], "the list may be behind")
        has(answer["images"][0]["steps"][0], "run cleanup again")


@test
def ghcr_lost_answer(w):
    with ghcr(w) as (r, api):
        r.put(REPO, "v0", "older")
        ghcr_image(w, r)
        api.fault("lose", method="DELETE")
        answer = w.json(0)
        eq((results(answer), list(r.tags(REPO))), ({"v1": "gone"}, ["v0"]))


@test
def ghcr_moved(w):
    with ghcr(w) as (r, api):
        ghcr_image(w, r)
        other = r.put(REPO, "v1", "somebody else's")
        w.run(0)
        eq((api.requests(), r.tags(REPO)), ([], {"v1": other}))


@test
def ghcr_children_go(w):
    with ghcr(w) as (r, api):
        kept = r.put(REPO, "v0", "older")
        children = [r.put(REPO, None, arch) for arch in ("amd64", "arm64")]
        ghcr_image(w, r, kind="index", children=children)
        answer = w.json(0)
        eq((also(answer, "child"), r.state()["repositories"][REPO]["manifests"]),
           ({c: "deleted" for c in children}, [kept]))


@test
def ghcr_children_that_others_need_stay(w):
    """Also an index without a tag, which somebody may have pinned."""
    with ghcr(w) as (r, api):
        r.put(REPO, "v0", "older")
        amd64, arm64 = [r.put(REPO, None, arch) for arch in ("amd64", "arm64")]
        pinned = r.put(REPO, None, "pinned", "index", children=[amd64])
        tagged = r.put(REPO, "multi", "tagged", "index", children=[arm64])
        ghcr_image(w, r, kind="index", children=[amd64, arm64])
        answer = w.json(0)
        eq(also(answer, "child"), {amd64: "kept", arm64: "kept"})
        eq({amd64, arm64, pinned, tagged} <= set(r.state()["repositories"][REPO]["manifests"]), True)


@test
def ghcr_image_of_an_index_of_others(w):
    with ghcr(w) as (r, api):
        digest = ghcr_image(w, r)
        parent = r.put(REPO, "multi", "index", "index", children=[digest])
        answer = w.json(4)
        eq((results(answer), deletes(api)), ({"v1": "left"}, []))
        has(answer["images"][0]["reason"], "the index %s refers to it" % parent)


@test
def ghcr_signatures_go(w):
    with ghcr(w) as (r, api):
        kept = r.put(REPO, "v0", "older")
        digest = ghcr_image(w, r)
        r.set_options({"referrers": False})
        bundle = r.put(REPO, None, "bundle", subject=digest)
        r.put(REPO, signature(digest, ""), "list", "index", children=[bundle])
        r.put(REPO, signature(digest), "signature")
        answer = w.json(0)
        eq(also(answer, "signature"),
           {signature(digest): "deleted", signature(digest, ""): "deleted", bundle: "deleted"})
        eq(r.state()["repositories"][REPO]["manifests"], [kept])


@test
def ghcr_many_versions(w):
    """More than can be looked at: the image goes, its children stay."""
    with ghcr(w) as (r, api):
        for i in range(505):
            r.put(REPO, None, "old %d" % i)
        r.put(REPO, "v0", "older")
        child = r.put(REPO, None, "amd64")
        ghcr_image(w, r, kind="index", children=[child])
        answer = w.json(0)
        eq((results(answer), also(answer, "child"), list(r.tags(REPO))), ({"v1": "deleted"}, {child: "kept"}, ["v0"]))


@test
def ghcr_api_fails(w):
    with ghcr(w) as (r, api):
        r.put(REPO, "v0", "older")
        digest = ghcr_image(w, r)
        for fault, path in (("html200", "versions"), ("half", "users"), ("502", "versions")):
            api.reset()
            api.fault(fault, path=path, times=999, body="<html>Unicorn!</html>", type="text/html")
            answer = w.json(4, "--timeout", "2s")
            eq((results(answer), r.tags(REPO)["v1"]), ({"v1": "left"}, digest), fault)
        api.reset()
        w.run(0)


@test
def ghcr_dry_run(w):
    with ghcr(w) as (r, api):
        ghcr_image(w, r)
        answer = w.json(0, "--dry-run")
        eq((results(answer), deletes(api), asked(api, "POST"), list(r.tags(REPO))), ({"v1": "planned"}, [], [], ["v1"]))
        has(answer["images"][0]["reason"], "would ask %s to delete the package version" % api.url)


@test
def ghcr_dry_run_of_what_stays(w):
    with ghcr(w) as (r, api):
        digest = ghcr_image(w, r)
        r.tag(REPO, "stable", digest)
        answer = w.json(4, "--dry-run")
        has(answer["images"][0]["reason"], "the tag stable too")
        eq(deletes(api), [])


@test
def ghcr_and_hub_and_another(w):
    """One release in three registries, as it is usual."""
    with ghcr(w) as (r, api), FakeRegistry("dockerhub", users={"acme": "hub-secret"}) as docker, \
            FakeHub(docker) as h, FakeRegistry("quay", users={"acme": "quay-secret"}) as quay:
        w.env["SIGRELAY_DOCKERHUB_REGISTRY_URL"] = docker.url
        w.env["SIGRELAY_DOCKERHUB_URL"] = h.url
        w.log_in((DOCKER, "acme", "hub-secret"), ("ghcr.io", "acme", "ghcr-pat"), (quay.host, "acme", "quay-secret"))
        r.put(REPO, "v0", "older")
        ghcr_image(w, r)
        hub_image(w, docker)
        w.pushed(quay.host, REPO, "v1", quay.put(REPO, "v1", "run"))
        w.run(0)
        eq((list(r.tags(REPO)), docker.tags(REPO), quay.tags(REPO)), (["v0"], {}, {}))


@test
def certificate_is_checked(w):
    with ghcr(w) as (r, api):
        ghcr_image(w, r)
        del w.env["SIGRELAY_CA_FILE"]
        answer = w.json(4, "--timeout", "2s")
        has(answer["images"][0]["reason"], "certificate is not trusted")
        lacks(w.err + w.out, OTHER)
        eq(re.findall("versions", " ".join(asked(api, "GET"))), [])
