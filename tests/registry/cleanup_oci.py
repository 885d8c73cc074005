"""cleanup at registries that are asked by the OCI API, and at Harbor."""
import json
import os
import shutil
import signal

from cleanup_world import RUN, also, asked, deletes, plain, results, signature
from fake_registry import FakeRegistry
from world import OTHER, eq, has, lacks, test

REPO = "acme/app"


def each(*profiles):
    """One test a registry: NAME_PROFILE."""
    def add(f):
        for profile in profiles:
            def one(w, p=profile):
                f(w, p)
            one.__name__ = "%s_%s" % (f.__name__, profile)
            test(one)
        return f
    return add


def image(w, r, tag="v1", seed="run", before="absent", **more):
    """What this run has pushed."""
    digest = r.put(REPO, tag, seed, **more)
    w.pushed(r.host, REPO, tag, digest, before)
    return digest


def user(w, r):
    w.log_in((r.host, "user", "secret-of-the-user"))
    r.set_options({"users": {"user": "secret-of-the-user"}})


BY_TAG = ("distribution3", "zot", "quay", "gcr", "ecr", "acr", "harbor")
ALL_OCI = BY_TAG + ("distribution2",)


# --- one tag --------------------------------------------------------------------------


@each(*ALL_OCI)
def goes(w, profile):
    with FakeRegistry(profile) as r:
        user(w, r)
        kept = r.put(REPO, "v0", "older")
        digest = image(w, r)
        answer = w.json(0)
        eq(results(answer), {"v1": "deleted"})
        eq((answer["run"], answer["dry_run"], answer["left"]), (RUN, False, 0))
        eq(r.tags(REPO), {"v0": kept})
        line = w.lines("deleted")[-1]
        eq((line["tag"], line["digest"], line["repository"]), ("v1", digest, REPO))
        if profile not in ("quay",):  # it deletes no digest without a tag
            eq(r.state()["repositories"][REPO]["manifests"], [kept])
        r.reset()
        again = w.json(0)
        eq((results(again), deletes(r)), ({"v1": "gone"}, []))


@each(*ALL_OCI)
def twice_without_a_ledger_line(w, profile):
    with FakeRegistry(profile) as r:
        user(w, r)
        image(w, r)
        before = w.text("ledger")
        w.run(0)
        with open(w.ledger, "w") as f:
            f.write(before)
        answer = w.json(0)
        eq((results(answer), answer["images"][0]["reason"]), ({"v1": "gone"}, "was gone"))
        line = w.lines("deleted", "kept")[-1]
        eq((line["event"], line["tag"], line["reason"]), ("deleted", "v1", "was gone"))


@each(*ALL_OCI)
def moved(w, profile):
    with FakeRegistry(profile) as r:
        user(w, r)
        image(w, r)
        now = r.put(REPO, "v1", "somebody else's")
        answer = w.json(0)
        eq((results(answer), deletes(r), r.tags(REPO)), ({"v1": "kept"}, [], {"v1": now}))
        has(answer["images"][0]["reason"], "has moved since", now)
        eq(w.lines("kept")[-1]["tag"], "v1")


@test
def moved_in_the_last_moment(w):
    """Between the plan and the delete: the look just before sees it."""
    with FakeRegistry("distribution3") as r:
        user(w, r)
        other = r.put(REPO, None, "somebody else's")
        image(w, r, "v1")
        image(w, r, "v2", "second")
        r.fault("move_tag", method="DELETE", path="v2$", repository=REPO, tag="v1", digest=other)
        answer = w.json(0)
        eq((results(answer), r.tags(REPO)), ({"v2": "deleted", "v1": "kept"}, {"v1": other}))


@each("distribution3", "quay", "zot", "ecr")
def moved_while_what_belongs_to_it_is_read(w, profile):
    """That may take long, so the last look comes after it."""
    with FakeRegistry(profile) as r:
        user(w, r)
        other = r.put(REPO, None, "somebody else's")
        digest = image(w, r)
        signatures(r, digest)
        r.fault("move_tag", method="GET", path="referrers", repository=REPO, tag="v1", digest=other)
        answer = w.json(0)
        eq((results(answer), deletes(r), r.tags(REPO)["v1"]), ({"v1": "kept"}, [], other))
        has(answer["images"][0]["reason"], "has moved since", other)


@test
def moved_on_harbor_after_the_look(w):
    """Harbor is asked for the tag of that digest: the delete misses."""
    with FakeRegistry("harbor") as r:
        user(w, r)
        image(w, r)
        other = r.put(REPO, None, "somebody else's")
        r.fault("move_tag", method="DELETE", path="^/api/", repository=REPO, tag="v1", digest=other)
        w.run(0)
        eq(r.tags(REPO), {"v1": other})


@each(*ALL_OCI)
def lost_answer(w, profile):
    with FakeRegistry(profile) as r:
        user(w, r)
        image(w, r)
        r.fault("lose", method="DELETE", path="/v1$|sha256")
        answer = w.json(0)
        eq((answer["images"][0]["result"] in ("deleted", "gone"), r.tags(REPO)), (True, {}))


@each("distribution3", "zot", "quay", "gcr", "ecr", "acr", "distribution2", "harbor")
def deletes_are_off(w, profile):
    with FakeRegistry(profile, deletes=False) as r:
        user(w, r)
        digest = image(w, r)
        if profile == "harbor":
            r.set_options({"deletes": True, "immutable": ["."]})
        answer = w.json(4)
        eq((results(answer), r.tags(REPO), answer["left"]), ({"v1": "left"}, {"v1": digest}, 1))
        has(w.err, digest, "%s/%s:v1" % (r.host, REPO), "cosign sign --yes %s/%s@%s" % (r.host, REPO, digest))
        eq(w.lines("kept")[-1]["tag"], "v1")


@each("quay", "gcr", "zot", "harbor", "acr")
def immutable(w, profile):
    how = {"locked": ["v1"]} if profile == "acr" else {"immutable": ["^v1$"]}
    with FakeRegistry(profile, **how) as r:
        user(w, r)
        digest = image(w, r)
        answer = w.json(4)
        eq((results(answer), r.tags(REPO)), ({"v1": "left"}, {"v1": digest}))
        steps = " ".join(answer["images"][0]["steps"])
        has(steps, "immutability rules", "then run cleanup again")
        has(steps, "cosign sign --yes", digest)
        eq([d for d in deletes(r) if "sha256" in d.split("manifests/")[-1] and "/api/" not in d], [])


@each("distribution3", "distribution2", "harbor")
def a_page_for_people_deletes_nothing(w, profile):
    with FakeRegistry(profile) as r:
        user(w, r)
        digest = image(w, r)
        r.fault("html200", method="DELETE", times=999)
        found = w.json(4)["images"][0]
        eq((found["result"], found["also"], r.tags(REPO)), ("left", [], {"v1": digest}))
        has(found["reason"], "200, but it is still there")
        eq(len(deletes(r)), 1)


@test
def no_permission(w):
    with FakeRegistry("distribution3", auth="bearer", owners={"reader": []}, readers={"reader": ["acme"]}) as r:
        user(w, r)
        r.set_options({"users": {"reader": "secret-of-reader"}})
        w.log_in((r.host, "reader", "secret-of-reader"))
        digest = image(w, r)
        answer = w.json(4)
        eq((results(answer), r.tags(REPO)), ({"v1": "left"}, {"v1": digest}))
        has(answer["images"][0]["reason"], "401", "asked as reader")
        has(answer["images"][0]["steps"][0], "credentials that may delete")


@test
def harbor_without_a_name(w):
    with FakeRegistry("harbor", auth="none") as r:
        image(w, r)
        answer = w.json(4)
        has(answer["images"][0]["reason"], "Harbor's API takes a user name", "docker login")


@test
def harbor_with_a_deep_path(w):
    with FakeRegistry("harbor") as r:
        user(w, r)
        digest = r.put("acme/team/app", "v1", "run")
        w.pushed(r.host, "acme/team/app", "v1", digest)
        w.run(0)
        eq(r.tags("acme/team/app"), {})
        has(" ".join(deletes(r)), "/api/v2.0/projects/acme/repositories/team%252Fapp/artifacts/")


@test
def unsupported_and_no_harbor(w):
    """400 UNSUPPORTED of something else is followed by the delete by digest."""
    with FakeRegistry("distribution3") as r:
        image(w, r)
        r.fault("400", method="DELETE", path="v1$", body=json.dumps({"errors": [{"code": "UNSUPPORTED"}]}))
        w.run(0)
        eq((r.tags(REPO), asked(r, "GET")[0]), ({}, "/v2/%s/referrers/%s" % (
            REPO, w.lines("deleted")[-1]["digest"])))


# --- digests that others name -------------------------------------------------------------


@each(*BY_TAG)
def shared_digest(w, profile):
    with FakeRegistry(profile) as r:
        user(w, r)
        digest = image(w, r)
        r.tag(REPO, "stable", digest)
        sig = r.put(REPO, signature(digest), "signature")
        answer = w.json(0)
        eq((results(answer), r.tags(REPO)), ({"v1": "deleted"}, {"stable": digest, signature(digest): sig}))
        eq(also(answer, "digest"), {digest: "kept"})
        has(answer["images"][0]["also"][0]["reason"], "stable names it too", "with its signatures")


@test
def shared_digest_by_digest_only(w):
    with FakeRegistry("distribution2") as r:
        digest = image(w, r)
        r.tag(REPO, "stable", digest)
        answer = w.json(4)
        eq((results(answer), r.tags(REPO)), ({"v1": "left"}, {"v1": digest, "stable": digest}))
        has(answer["images"][0]["reason"], "stable names the same digest", "DIGEST_INVALID")
        eq(deletes(r), ["/v2/%s/manifests/v1" % REPO])


@test
def two_own_tags_by_digest_only(w):
    with FakeRegistry("distribution2") as r:
        digest = image(w, r, "v1")
        r.tag(REPO, "latest", digest)
        w.pushed(r.host, REPO, "latest", digest)
        answer = w.json(0)
        eq((results(answer), r.tags(REPO)), ({"latest": "deleted", "v1": "gone"}, {}))


@each("distribution3", "zot")
def two_own_tags_by_tag(w, profile):
    with FakeRegistry(profile) as r:
        digest = image(w, r, "v1")
        r.tag(REPO, "latest", digest)
        w.pushed(r.host, REPO, "latest", digest)
        r.put(REPO, signature(digest), "signature")
        answer = w.json(0)
        eq((results(answer), r.tags(REPO)), ({"latest": "deleted", "v1": "deleted"}, {}))
        eq(r.state()["repositories"][REPO]["manifests"], [])


@test
def own_tag_that_was_replaced_keeps_its_digest(w):
    """One tag may go, the other was there before: the digest is the other's too."""
    with FakeRegistry("distribution2") as r:
        digest = image(w, r, "v1")
        r.tag(REPO, "latest", digest)
        w.pushed(r.host, REPO, "latest", digest, "present", OTHER)
        answer = w.json(4)
        eq((results(answer), r.tags(REPO)), ({"latest": "left", "v1": "left"}, {"v1": digest, "latest": digest}))


@test
def named_by_an_index_of_another_tag(w):
    with FakeRegistry("distribution3") as r:
        digest = image(w, r)
        r.put(REPO, "multi", "index", "index", children=[digest])
        answer = w.json(0)
        eq((results(answer), also(answer, "digest")), ({"v1": "deleted"}, {digest: "kept"}))
        has(answer["images"][0]["also"][0]["reason"], "multi names it too")
        eq(digest in r.state()["repositories"][REPO]["manifests"], True)


@test
def many_tags(w):
    """More than can be looked at: nothing is proved, and a digest takes all its tags."""
    with FakeRegistry("distribution2", page=100) as r:
        digest = image(w, r)
        for i in range(510):
            r.put(REPO, "old-%d" % i, "old")
        answer = w.json(4)
        eq((results(answer), r.tags(REPO)["v1"]), ({"v1": "left"}, digest))
        has(answer["images"][0]["reason"], "is not known", "more than 500")


@test
def many_tags_by_tag(w):
    with FakeRegistry("distribution3") as r:
        digest = image(w, r)
        for i in range(510):
            r.put(REPO, "old-%d" % i, "old")
        answer = w.json(0)
        eq((results(answer), also(answer, "digest")), ({"v1": "deleted"}, {digest: "kept"}))
        eq(digest in r.state()["repositories"][REPO]["manifests"], True)


@test
def many_tags_and_a_signature(w):
    with FakeRegistry("distribution3") as r:
        digest = image(w, r)
        r.put(REPO, signature(digest), "signature")
        for i in range(510):
            r.put(REPO, "old-%d" % i, "old")
        answer = w.json(4)
        eq(also(answer, "signature"), {signature(digest): "left"})
        eq(signature(digest) in r.tags(REPO), True)


@each("relative", "absolute")
def pages_of_tags(w, link):
    """The tag that names the digest too is on the last page."""
    with FakeRegistry("distribution2", page=3, link=link) as r:
        digest = image(w, r)
        for i in range(10):
            r.put(REPO, "old-%d" % i, "old")
        r.tag(REPO, "zzz", digest)
        answer = w.json(4)
        has(answer["images"][0]["reason"], "zzz names the same digest")
        eq(r.tags(REPO)["zzz"], digest)


@each("403", "html404", "empty404", "html200")
def a_list_of_tags_that_cannot_be_had(w, fault):
    """It is no proof that there are none."""
    with FakeRegistry("distribution2") as r:
        digest = image(w, r)
        r.tag(REPO, "stable", digest)
        r.fault(fault, path="tags/list", times=9)
        answer = w.json(4)
        eq((results(answer), r.tags(REPO)), ({"v1": "left"}, {"v1": digest, "stable": digest}))
        has(answer["images"][0]["reason"], "is not known")


@test
def a_list_of_tags_with_what_is_no_tag(w):
    """It might name anything."""
    for tags in (["v1", 7], ["v1", "../stable"], [["stable"]]):
        with FakeRegistry("distribution2") as r:
            digest = image(w, r)
            r.tag(REPO, "stable", digest)
            r.fault("200", path="tags/list", body=json.dumps({"name": REPO, "tags": tags}))
            has(w.json(4)["images"][0]["reason"], "is not known (tags/list: an answer that cannot be read)")
            eq(r.tags(REPO), {"v1": digest, "stable": digest})
        open(w.ledger, "w").close()


@test
def a_tag_that_cannot_be_looked_at(w):
    with FakeRegistry("distribution2") as r:
        digest = image(w, r)
        r.put(REPO, "odd", "odd")
        r.fault("html404", path="manifests/odd", times=9)
        answer = w.json(4)
        eq((results(answer), r.tags(REPO)["v1"]), ({"v1": "left"}, digest))
        has(answer["images"][0]["reason"], "is not known", "odd")


# --- indexes -----------------------------------------------------------------------------------


def index(w, r, tag="v1", kind="index"):
    children = [r.put(REPO, None, arch) for arch in ("amd64", "arm64")]
    return image(w, r, tag, "index", kind=kind, children=children), children


@each("distribution3", "zot", "gcr", "distribution2", "acr")
def children_go(w, profile):
    with FakeRegistry(profile) as r:
        user(w, r)
        kept = r.put(REPO, "v0", "older")
        _, children = index(w, r)
        answer = w.json(0)
        eq(also(answer, "child"), {c: "deleted" for c in children})
        eq(r.state()["repositories"][REPO]["manifests"], [kept])


@test
def children_of_a_list_go(w):
    with FakeRegistry("distribution3") as r:
        index(w, r, kind="list")
        w.run(0)
        eq(r.state()["repositories"][REPO]["manifests"], [])


@each("distribution3", "distribution2", "zot")
def children_that_others_need_stay(w, profile):
    with FakeRegistry(profile) as r:
        _, (amd64, arm64) = index(w, r)
        r.tag(REPO, "arm", arm64)
        other = r.put(REPO, "v0", "older", "index", children=[amd64])
        answer = w.json(0)
        eq(also(answer, "child"), {amd64: "kept", arm64: "kept"})
        eq(r.state()["repositories"][REPO]["manifests"], sorted([amd64, arm64, other]))


@each("distribution3", "distribution2")
def what_an_index_of_an_index_names_stays(w, profile):
    with FakeRegistry(profile) as r:
        digest, (amd64, arm64) = index(w, r)
        inner = r.put(REPO, None, "inner", "index", children=[amd64, arm64])
        other = r.put(REPO, "v0", "outer", "index", children=[inner])
        answer = w.json(0)
        eq(also(answer, "child"), {amd64: "kept", arm64: "kept"})
        eq(r.state()["repositories"][REPO]["manifests"], sorted([amd64, arm64, inner, other]))


@test
def indexes_of_indexes_that_do_not_end(w):
    """What cannot be read to its end may name anything."""
    with FakeRegistry("distribution3") as r:
        digest, children = index(w, r)
        at = r.put(REPO, None, "innermost")
        for i in range(60):
            at = r.put(REPO, "v0" if i == 59 else None, "level %d" % i, "index", children=[at])
        answer = w.json(0)
        eq((results(answer), also(answer, "digest")), ({"v1": "deleted"}, {digest: "kept"}))
        has(answer["images"][0]["also"][0]["reason"], "is not known", "v0: its index could not be read")


@each("distribution3", "distribution2")
def tags_of_the_architectures_go_after_the_index(w, profile):
    with FakeRegistry(profile) as r:
        amd64 = image(w, r, "v1-amd64", "amd64")
        image(w, r, "v1", "index", kind="index", children=[amd64])
        answer = w.json(0)
        eq([i["tag"] for i in answer["images"]], ["v1", "v1-amd64"])
        eq((r.tags(REPO), r.state()["repositories"][REPO]["manifests"]), ({}, []))


@test
def an_index_that_stays_keeps_its_images(w):
    with FakeRegistry("quay", immutable=["^v1$"]) as r:
        user(w, r)
        amd64 = image(w, r, "v1-amd64", "amd64")
        image(w, r, "v1", "index", kind="index", children=[amd64])
        answer = w.json(4)
        eq(results(answer), {"v1": "left", "v1-amd64": "deleted"})
        eq(amd64 in r.state()["repositories"][REPO]["manifests"], True)
        eq(also(answer, "digest", 1), {amd64: "kept"})


@test
def children_that_the_registry_does_not_delete(w):
    """Without a tag they are the registry's to collect: no reason for 4."""
    with FakeRegistry("distribution3") as r:
        _, children = index(w, r)
        r.fault("405", method="DELETE", path="sha256:", times=9, skip=1,
                body=json.dumps({"errors": [{"code": "UNSUPPORTED"}]}))
        answer = w.json(0)
        eq(also(answer, "child"), {c: "kept" for c in children})


# --- signatures ----------------------------------------------------------------------------------


def signatures(r, digest, repository=REPO):
    for suffix in (".sig", ".att", ".sbom"):
        r.put(repository, signature(digest, suffix), suffix)


@each(*ALL_OCI)
def signatures_go(w, profile):
    with FakeRegistry(profile) as r:
        user(w, r)
        kept = r.put(REPO, "v0", "older")
        r.put(REPO, signature(kept), "its signature")
        digest = image(w, r)
        signatures(r, digest)
        answer = w.json(0)
        eq(also(answer, "signature"), {signature(digest, s): "deleted" for s in (".sig", ".att", ".sbom")})
        eq(sorted(r.tags(REPO)), sorted(["v0", signature(kept)]))
        has(w.err, "transparency log stay for ever")
        eq(len([x for x in w.lines("deleted") if x.get("tag", "").startswith("sha256-")]), 3)


@each("distribution3", "zot", "distribution2")
def referrers_go(w, profile):
    with FakeRegistry(profile) as r:
        digest = image(w, r)
        bundle = r.put(REPO, None, "bundle", subject=digest)
        other = r.put(REPO, "v0", "older")
        others = r.put(REPO, None, "other bundle", subject=other)
        answer = w.json(0)
        eq(also(answer, "signature"), {bundle: "deleted"})
        eq(r.state()["repositories"][REPO]["manifests"], sorted([other, others]))


@each("relative", "absolute")
def referrers_in_pages_go(w, link):
    with FakeRegistry("distribution3", page=2, link=link) as r:
        digest = image(w, r)
        bundles = [r.put(REPO, None, "bundle %d" % i, subject=digest) for i in range(5)]
        answer = w.json(0)
        eq(also(answer, "signature"), {b: "deleted" for b in bundles})
        eq(r.state()["repositories"][REPO]["manifests"], [])


@each("403", "html404", "html200", "503")
def a_page_of_referrers_that_cannot_be_had(w, fault):
    """Once the digest is gone nothing would lead to those on it any more."""
    with FakeRegistry("distribution3", page=1) as r:
        digest = image(w, r)
        for i in range(3):
            r.put(REPO, None, "bundle %d" % i, subject=digest)
        r.fault(fault, path="last=", times=999)
        answer = w.json(4, "--timeout", "2s")
        eq((results(answer), r.tags(REPO), deletes(r)), ({"v1": "left"}, {"v1": digest}, []))
        has(answer["images"][0]["reason"], "what belongs to it could not be read")
        r.reset()
        w.run(0)
        eq(r.state()["repositories"][REPO]["manifests"], [])


@test
def referrers_that_do_not_end(w):
    with FakeRegistry("distribution3", link="loop") as r:
        digest = image(w, r)
        answer = w.json(4)
        eq((results(answer), r.tags(REPO)), ({"v1": "left"}, {"v1": digest}))
        has(answer["images"][0]["reason"], "does not end")
        eq(len([p for p in asked(r, "GET") if "referrers" in p]) < 100, True)


@test
def a_referrer_with_a_tag_stays(w):
    with FakeRegistry("distribution3") as r:
        digest = image(w, r)
        bundle = r.put(REPO, "my-sbom", "bundle", subject=digest)
        answer = w.json(0)
        eq((also(answer, "signature"), r.tags(REPO)), ({bundle: "kept"}, {"my-sbom": bundle}))


@each("distribution3", "distribution2")
def the_tag_in_place_of_referrers_goes(w, profile):
    with FakeRegistry(profile, referrers=False) as r:
        digest = image(w, r)
        bundle = r.put(REPO, None, "bundle", subject=digest)
        r.put(REPO, signature(digest, ""), "list", "index", children=[bundle])
        answer = w.json(0)
        eq(also(answer, "signature"), {signature(digest, ""): "deleted", bundle: "deleted"})
        eq(r.state()["repositories"][REPO]["manifests"], [])


@test
def a_list_that_names_what_is_no_referrer(w):
    """Whoever may push may write the list: what it names goes only if it says so itself."""
    with FakeRegistry("distribution3", referrers=False) as r:
        digest = image(w, r)
        pinned = r.put(REPO, None, "somebody pinned it")
        r.put(REPO, signature(digest, ""), "list", "index", children=[pinned])
        answer = w.json(0)
        eq((also(answer, "signature"), r.state()["repositories"][REPO]["manifests"]),
           ({signature(digest, ""): "deleted", pinned: "kept"}, [pinned]))


@test
def an_index_with_other_bytes(w):
    """What the registry says of the digest is not what was pushed under it."""
    with FakeRegistry("distribution3") as r:
        _, children = index(w, r)
        pinned = r.put(REPO, None, "somebody pinned it")
        r.fault("200", method="GET", path="manifests/sha256", type="application/vnd.oci.image.index.v1+json",
                body=json.dumps({"manifests": [{"digest": pinned}]}))
        answer = w.json(0)
        eq((also(answer, "child"), r.state()["repositories"][REPO]["manifests"]),
           ({}, sorted(children + [pinned])))


@test
def signatures_of_children_go(w):
    with FakeRegistry("distribution3") as r:
        _, children = index(w, r)
        for c in children:
            signatures(r, c)
        w.run(0)
        eq((r.tags(REPO), r.state()["repositories"][REPO]["manifests"]), ({}, []))


@test
def an_immutable_signature_is_left(w):
    """Harbor answers 412 for the .sig tag (harbor#17332)."""
    with FakeRegistry("quay", immutable=["\\.sig$"]) as r:
        user(w, r)
        digest = image(w, r)
        r.put(REPO, signature(digest), "signature")
        answer = w.json(4)
        eq((results(answer), also(answer, "signature")), ({"v1": "deleted"}, {signature(digest): "left"}))
        eq([(x["event"], x["tag"]) for x in w.lines("deleted", "kept") if "tag" in x],
           [("kept", signature(digest)), ("kept", "v1")])
        r.set_options({"immutable": []})
        answer = w.json(0)
        eq((results(answer), r.tags(REPO)), ({"v1": "gone"}, {}))


@test
def cosign_repository(w):
    with FakeRegistry("distribution3") as r:
        w.env["COSIGN_REPOSITORY"] = r.host + "/acme/signatures"
        digest = image(w, r)
        signatures(r, digest, "acme/signatures")
        r.put(REPO, signature(digest), "not where cosign keeps them")
        w.run(0)
        eq((r.tags("acme/signatures"), list(r.tags(REPO))), ({}, [signature(digest)]))


@test
def cosign_repository_of_several_images(w):
    """One digest in two registries, its signatures in one place: they stay with the last."""
    with FakeRegistry("distribution3") as a, FakeRegistry("quay", auth="none", immutable=["^v1$"]) as b:
        w.env["COSIGN_REPOSITORY"] = a.host + "/acme/signatures"
        digest = image(w, a)
        image(w, b)
        signatures(a, digest, "acme/signatures")
        answer = w.json(4)
        eq([i["result"] for i in answer["images"]], ["left", "deleted"])
        eq(len(a.tags("acme/signatures")), 3)
        b.set_options({"immutable": []})
        w.run(0)
        eq(a.tags("acme/signatures"), {})


@test
def cosign_repository_that_is_none(w):
    with FakeRegistry("distribution3") as r:
        w.env["COSIGN_REPOSITORY"] = "UPPER CASE"
        digest = image(w, r)
        w.run(78)
        has(w.err, "COSIGN_REPOSITORY")
        eq(r.tags(REPO), {"v1": digest})


# --- what preflight saw ------------------------------------------------------------------------------


@each("unknown", "present", "unseen")
def not_absent_before(w, before):
    with FakeRegistry("distribution3") as r:
        digest = image(w, r, before=None if before == "unseen" else before)
        answer = w.json(4)
        eq((results(answer), r.tags(REPO), deletes(r)), ({"v1": "left"}, {"v1": digest}, []))
        has(answer["images"][0]["reason"], {"unknown": "could not tell", "present": "was there before this run",
                                            "unseen": "no preflight line"}[before])


@test
def pushed_what_was_there(w):
    with FakeRegistry("distribution3") as r:
        digest = r.put(REPO, "v1", "run")
        w.pushed(r.host, REPO, "v1", digest, "present", digest)
        answer = w.json(0)
        eq((results(answer), r.tags(REPO)), ({"v1": "kept"}, {"v1": digest}))


@test
def preflight_after_the_push_counts_for_nothing(w):
    with FakeRegistry("distribution3") as r:
        digest = image(w, r)
        w.line("preflight", r.host, REPO, "v1", digest, "present")
        w.run(0)
        eq(r.tags(REPO), {})


@test
def the_last_push_counts(w):
    with FakeRegistry("distribution3") as r:
        image(w, r, seed="first")
        image(w, r, seed="second", before=None)
        w.run(0)
        eq(r.tags(REPO), {})


@test
def by_the_ledger_of_preflight_and_pushed(w):
    """The whole way, and the next run, which finds the tag free again."""
    with FakeRegistry("distribution3") as r:
        for run in ("4711.1", "4711.2"):
            name = "%s/%s:v1" % (r.host, REPO)
            flags = ["--ledger", w.ledger, "--run-id", run]
            w.run(0, command=[w.program, "preflight", *flags, name])
            digest = r.put(REPO, "v1", run)
            w.run(0, command=[w.program, "pushed", *flags, name + "@" + digest])
            w.run(0, "--run-id", run)
            eq((r.tags(REPO), r.state()["repositories"][REPO]["manifests"]), ({}, []))
        eq([x["run"] for x in w.lines("deleted") if x.get("tag")], ["4711.1", "4711.2"])


# --- ledgers --------------------------------------------------------------------------------------------


@test
def another_run(w):
    with FakeRegistry("distribution3") as r:
        digest = r.put(REPO, "v1", "run")
        w.pushed(r.host, REPO, "v1", digest, run="4710.1")
        answer = w.json(0)
        eq((answer["images"], r.requests(), r.tags(REPO)), ([], [], {"v1": digest}))
        has(w.err, "no line of run 4711.1", "the last is of 4710.1", "--run-id=")


@test
def another_run_beside_this_one(w):
    with FakeRegistry("distribution3") as r:
        digest = r.put(REPO, "v0", "theirs")
        w.pushed(r.host, REPO, "v0", digest, run="4710.1")
        image(w, r)
        w.run(0)
        eq(r.tags(REPO), {"v0": digest})


@test
def no_run_is_named(w):
    with FakeRegistry("distribution3") as r:
        image(w, r)
        del w.env["SIGRELAY_RUN_ID"]
        w.run(64)
        has(w.err, "which run", "--run-id")
        w.env.update({"GITHUB_RUN_ID": "4711", "GITHUB_RUN_ATTEMPT": "1"})
        w.run(0)
        eq(r.tags(REPO), {})


@test
def no_ledger(w):
    w.run(64, command=[w.program, "cleanup"])
    has(w.err, "no ledger is set", "--ledger", "SIGRELAY_LEDGER")
    w.run(0)
    has(w.err, "there is no ledger", "nothing to take back")
    has(w.out, "nothing of run %s is left" % RUN)
    eq(os.path.exists(w.ledger), False)
    answer = w.json(0)
    eq((answer["run"], answer["images"]), (RUN, []))
    w.run(78, command=[w.program, "cleanup", "--ledger", w.path("no-folder/ledger")])
    has(w.err, "cannot read the ledger", "no-folder")
    w.run(78, command=[w.program, "cleanup", "--ledger", w.home])


@test
def a_ledger_that_cannot_be_read_back(w):
    """A pipe would be waited for without end."""
    os.mkfifo(w.ledger)
    for path in (w.ledger, "/dev/null"):
        w.run(78, command=[w.program, "cleanup", "--ledger", path])
        has(w.err, path, "no file that can be read back", "nothing was done")


@test
def nothing_was_pushed(w):
    w.line("preflight", "ghcr.io", REPO, "v1", state="absent")
    w.run(0)
    has(w.err, "names nothing that run 4711.1 has pushed")


@test
def torn_ledger(w):
    with FakeRegistry("distribution3") as r:
        image(w, r)
        with open(w.ledger, "a") as f:
            f.write('{"time":"2026-11-24T08:40:05.007Z","run":"4711.1","event":"pus')
        w.run(0)
        has(w.err, "is cut off")
        eq(r.tags(REPO), {})
        eq(w.lines("deleted")[-1]["tag"], "v1")


@test
def a_ledger_that_names_no_image(w):
    with FakeRegistry("distribution3") as r:
        w.line("pushed", r.host, "../../etc", "v1", OTHER)
        w.line("pushed", r.host, REPO, "a/../b", OTHER)
        w.line("pushed", r.host + "/v2/x?", REPO, "v1", OTHER)
        w.line("preflight", r.host, REPO, "v2", state="absent")
        w.line("pushed", r.host, REPO, "v2", "sha256:../../x")
        r.put(REPO, "v2", "x")
        w.run(4)
        has(w.err, "name no image and tag: 3", "does not say which digest")
        eq((asked(r, "HEAD"), deletes(r)), (["/v2/%s/manifests/v2" % REPO], []))


# --- trouble on the way ---------------------------------------------------------------------------------


@test
def stopped_and_run_again(w):
    with FakeRegistry("distribution3") as r:
        image(w, r, "v1")
        image(w, r, "v2", "second")
        r.fault("stall", method="DELETE", path="v1$")
        w.stop(128 + signal.SIGTERM, lambda: any(d.endswith("/v1") for d in deletes(r)))
        has(w.err, "stopped by signal 15", "run it again", "--run-id=4711.1")
        eq(list(r.tags(REPO)), ["v1"])
        r.release()
        answer = w.json(0)
        eq((results(answer), r.tags(REPO)), ({"v2": "gone", "v1": "deleted"}, {}))


@test
def killed_after_the_delete_and_run_again(w):
    """The tag is gone and no line says so; its digest and signatures still go."""
    with FakeRegistry("distribution3") as r:
        digest = image(w, r)
        signatures(r, digest)
        r.put(REPO, None, "bundle", subject=digest)
        r.fault("stall", path="tags/list")
        w.stop(-signal.SIGKILL, lambda: any("tags/list" in p for p in asked(r, "GET")), signal.SIGKILL)
        eq("v1" in r.tags(REPO), False)
        r.release()
        w.run(0)
        eq((r.tags(REPO), r.state()["repositories"][REPO]["manifests"]), ({}, []))


@test
def interrupted_by_the_terminal(w):
    with FakeRegistry("distribution3") as r:
        image(w, r)
        r.fault("stall", method="HEAD")
        w.stop(128 + signal.SIGINT, lambda: bool(r.requests()), signal.SIGINT)
        r.release()


@each("close", "half", "503", "429", "html200")
def a_fault_that_passes(w, fault):
    with FakeRegistry("distribution3") as r:
        image(w, r)
        if fault == "html200":
            r.fault("html200", method="GET", path="referrers")
        elif fault in ("503", "429"):
            r.fault(fault, method="DELETE", times=2, retry_after="0")
        else:
            r.fault(fault, method="HEAD")
        w.run(0)
        eq(r.tags(REPO), {})


@test
def what_belongs_to_it_cannot_be_read(w):
    """Once the digest is gone nothing would lead to it any more."""
    for path in ("referrers", "manifests/sha256"):
        with FakeRegistry("distribution3") as r:
            digest, _ = index(w, r)
            r.fault("503", method="GET", path=path, times=999)
            answer = w.json(4, "--timeout", "1s")
            eq((results(answer), r.tags(REPO), deletes(r)), ({"v1": "left"}, {"v1": digest}, []))
            has(answer["images"][0]["reason"], "what belongs to it could not be read", "503")
            r.reset()
            w.run(0)
            eq(r.state()["repositories"][REPO]["manifests"], [])
        open(w.ledger, "w").close()


@test
def a_list_of_tags_that_fails_for_now(w):
    with FakeRegistry("distribution3") as r:
        digest = image(w, r)
        signatures(r, digest)
        r.fault("503", path="tags/list", times=999)
        answer = w.json(4, "--timeout", "1s")
        eq((results(answer), also(answer, "digest")), ({"v1": "deleted"}, {digest: "left"}))
        steps = {s for a in answer["images"][0]["also"] for s in a["steps"]}
        eq(steps, {"run cleanup again: it goes on where it was"})
        eq(w.lines("deleted", "kept")[-1]["event"], "kept")
        r.reset()
        w.run(0)
        eq((r.tags(REPO), r.state()["repositories"][REPO]["manifests"]), ({}, []))


@test
def signed_and_left(w):
    with FakeRegistry("distribution3", deletes=False) as r:
        digest = image(w, r)
        w.line("signed", r.host, REPO, "v1", digest)
        answer = w.json(4)
        eq(answer["images"][0]["steps"][-1], "or keep it: it is signed")


@test
def a_registry_that_hangs(w):
    with FakeRegistry("distribution3") as r, FakeRegistry("distribution3") as good:
        image(w, good, "v1")
        image(w, r, "v1")
        r.fault("stall", times=99)
        answer = w.json(4, "--timeout", "8s", "--attempt-timeout", "1s")
        eq(([i["result"] for i in answer["images"]], good.tags(REPO)), (["left", "deleted"], {}))
        has(" ".join(answer["images"][0]["steps"]), "run cleanup again")
        r.release()
        r.reset()
        w.run(0)


@test
def a_registry_that_is_not_there(w):
    with FakeRegistry("distribution3") as r:
        host = r.host
    w.pushed(host, REPO, "v1", OTHER)
    answer = w.json(4, "--timeout", "2s")
    has(answer["images"][0]["reason"], "connection refused")


@test
def one_registry_fails_the_other_is_cleaned(w):
    with FakeRegistry("distribution3") as a, FakeRegistry("distribution3", deletes=False) as b:
        image(w, a)
        image(w, b)
        answer = w.json(4)
        eq(([i["result"] for i in answer["images"]], a.tags(REPO)), (["left", "deleted"], {}))


# --- what is shown -----------------------------------------------------------------------------------------


@each(*ALL_OCI)
def dry_run(w, profile):
    with FakeRegistry(profile) as r:
        user(w, r)
        digest = image(w, r)
        signatures(r, digest)
        before, state = w.text("ledger"), r.state()
        answer = w.json(0, "--dry-run")
        eq(([m for m in ("DELETE", "PUT", "POST") if asked(r, m)], w.text("ledger")), ([], before))
        eq(r.state()["repositories"], state["repositories"])
        eq((results(answer), answer["dry_run"]), ({"v1": "planned"}, True))
        has(answer["images"][0]["reason"], "would ask", "DELETE /v2/%s/manifests/v1" % REPO)
        eq(len(also(answer, "signature")), 3)
        w.run(0, "--dry-run")
        has(w.out, "dry run: nothing was changed; 4 would go, 0 would be left")


@test
def dry_run_by_a_ledger_that_cannot_be_written(w):
    """As an artifact of another job may be. To root every file can be: it is done without root."""
    with FakeRegistry("distribution3") as r:
        digest = image(w, r)
        for path in (w.home, w.ledger):
            os.chmod(path, 0o555)
        program = os.path.join(w.home, "sigrelay")
        shutil.copy(w.program, program)
        command = [program, "cleanup", "--ledger", w.ledger]
        if os.getuid() == 0:
            command = ["setpriv", "--reuid=65534", "--regid=65534", "--clear-groups", *command]
        w.run(0, command=[*command, "--dry-run"])
        has(w.out, "dry run: nothing was changed; 1 would go")
        w.run(78, command=command)
        has(w.err, "cannot open the ledger", "Permission denied")
        eq(r.tags(REPO), {"v1": digest})
        os.chmod(w.home, 0o755)


@test
def a_redirect_is_no_deletion(w):
    with FakeRegistry("distribution3") as r:
        image(w, r)
        r.fault("redirect", method="DELETE", times=9, to=r.url + "/v2/acme/app/manifests/v1")
        has(w.json(4)["images"][0]["reason"], "DELETE of v1: 307 (a redirect to %s" % r.url, "is not followed)")


@test
def dry_run_of_what_stays(w):
    with FakeRegistry("distribution3") as r:
        digest = image(w, r, "v1")
        r.tag(REPO, "stable", digest)
        image(w, r, "v2", "second", before="unknown")
        image(w, r, "v3", "third")
        r.put(REPO, "v3", "moved")
        image(w, r, "v4", "fourth")
        r.tag(REPO, "v4", None)
        answer = w.json(4, "--dry-run")
        eq(results(answer), {"v1": "planned", "v2": "left", "v3": "kept", "v4": "gone"})
        eq(also(answer, "digest", 3), {digest: "kept"})


@test
def table(w):
    with FakeRegistry("distribution3") as r:
        digest = image(w, r)
        signatures(r, digest)
        w.run(0)
        text = plain(w.out)
        has(text, "IMAGE RESULT DIGEST AND REASON", "%s/%s:v1 deleted %s" % (r.host, REPO, digest),
            " signature %s deleted" % signature(digest), "nothing of run 4711.1 is left")
        lacks(w.out, "\033")


@test
def github(w):
    with FakeRegistry("distribution3", deletes=False) as r:
        w.env.update({"GITHUB_ACTIONS": "true", "GITHUB_OUTPUT": w.path("output"),
                      "GITHUB_STEP_SUMMARY": w.path("summary")})
        digest = image(w, r)
        r.fault("405", method="DELETE", times=9,
                body=json.dumps({"errors": [{"code": "NO", "message": "##[add-path]x\n::set-env name=a::b | <b>"}]}))
        w.run(4)
        eq(w.text("output"), "deleted=0\nleft=1\n")
        has(w.text("summary"), "### Cleanup: 1 left", "| left |", digest.split(":")[1])
        lacks(w.text("summary"), "<b>")
        has(w.err, "::warning title=Left over::%s/%s:v1 (%s) is left" % (r.host, REPO, digest), "%0A  - ")
        lacks(w.err + w.out, "##[", "\n::set-env")


@test
def no_terminal_is_fooled(w):
    with FakeRegistry("distribution3") as r:
        image(w, r)
        r.fault("403", method="DELETE", times=9,
                body=json.dumps({"errors": [{"code": "DENIED", "message": "\x1b[2J\u202egood\u0007"}]}))
        w.run(4)
        lacks(w.out + w.err, "\x1b", "\u202e", "\x07")


@test
def wrong_usage(w):
    w.run(64, "surplus")
    w.run(64, "--timeout", "soon")
    w.run(64, "--timeout=0s")
    w.run(64, "--dry-runn")
    has(w.err, "--dry-run")
    w.pushed("localhost:1", REPO, "v1", OTHER)
    w.run(64, "--insecure-registry=http://x")


@test
def insecure_registry(w):
    with FakeRegistry("distribution3") as r:
        host = "registry.test:80"
        w.env["http_proxy"] = "http://" + r.host
        digest = r.put(REPO, "v1", "run")
        w.pushed(host, REPO, "v1", digest)
        w.run(4, "--timeout", "2s")
        w.json(0, "--insecure-registry", host)
