"""cleanup after a cleanup that could not end: what an index named is known by the ledger alone."""
import signal

from cleanup_oci import REPO, each, image, index
from cleanup_world import also, asked, deletes
from fake_registry import FakeRegistry
from world import eq, test


def manifests(r):
    return r.state()["repositories"][REPO]["manifests"]


def left_digests(w):
    """Of the lines without a tag, those whose last word is that it is left."""
    last = {x["digest"]: x.get("state") for x in w.lines("deleted", "kept") if "tag" not in x}
    return sorted(d for d, state in last.items() if state == "left")


@each("distribution3", "distribution2")
def a_child_that_was_left(w, profile):
    with FakeRegistry(profile) as r:
        _, children = index(w, r)
        r.fault("503", method="DELETE", path=children[1], times=999)
        answer = w.json(4, "--timeout", "3s")
        eq(also(answer, "child"), {children[0]: "deleted", children[1]: "left"})
        eq(left_digests(w), [children[1]])
        r.reset()
        answer = w.json(0)
        eq((also(answer, "child"), manifests(r), left_digests(w)), ({children[1]: "deleted"}, [], []))
        r.reset()
        w.run(0)
        eq(deletes(r), [])


@test
def children_that_a_signal_left(w):
    with FakeRegistry("distribution3") as r:
        _, children = index(w, r)
        r.fault("stall", method="DELETE", path=children[0])
        w.stop(128 + signal.SIGTERM, lambda: any(children[0] in d for d in deletes(r)))
        eq(left_digests(w), sorted(children))
        r.release()
        w.run(0)
        eq(manifests(r), [])


@test
def killed_between_the_index_and_its_images(w):
    with FakeRegistry("distribution3") as r:
        digest, children = index(w, r)
        r.fault("stall", method="HEAD", path=".sig$")
        w.stop(-signal.SIGKILL, lambda: any(p.endswith(".sig") for p in asked(r, "HEAD")), signal.SIGKILL)
        eq(manifests(r), sorted(children))
        r.release()
        w.run(0)
        eq((manifests(r), digest in w.text("ledger")), ([], True))


@test
def a_left_child_that_somebody_names_since(w):
    with FakeRegistry("distribution3") as r:
        _, children = index(w, r)
        r.fault("503", method="DELETE", path="sha256:(%s|%s)" % tuple(c.split(":")[1] for c in children), times=999)
        w.run(4, "--timeout", "4s")
        eq(manifests(r), sorted(children))
        r.reset()
        r.tag(REPO, "theirs", children[0])
        other = r.put(REPO, "theirs-too", "other", "index", children=[children[1]])
        answer = w.json(0)
        eq((also(answer, "child"), manifests(r)), ({c: "kept" for c in children}, sorted(children + [other])))
        eq(left_digests(w), [])


@test
def a_left_child_waits_for_the_list_of_tags(w):
    with FakeRegistry("distribution3") as r:
        _, children = index(w, r)
        r.fault("503", method="DELETE", path=children[1], times=999)
        w.run(4, "--timeout", "3s")
        r.reset()
        r.fault("503", path="tags/list", times=999)
        answer = w.json(4, "--timeout", "2s")
        eq(also(answer, "child"), {children[1]: "left"})
        r.reset()
        w.run(0)
        eq(manifests(r), [])


@test
def the_index_that_was_pushed_again(w):
    """A tag of somebody else's leads to it: what was left of it is needed."""
    with FakeRegistry("distribution3") as r:
        digest, children = index(w, r)
        r.fault("503", method="DELETE", path=children[1], times=999)
        w.run(4, "--timeout", "3s")
        r.reset()
        r.put(REPO, None, "amd64")
        eq(r.put(REPO, "theirs", "index", "index", children=children), digest)
        w.run(0)
        eq(manifests(r), sorted(children + [digest]))


@test
def a_tag_that_is_left_too(w):
    """One thing of the repository is taken a second time, and its time comes."""
    with FakeRegistry("distribution3") as r:
        _, children = index(w, r)
        other = image(w, r, "v2", "second")
        r.fault("503", method="DELETE", path="v2$", times=999)
        r.fault("503", method="DELETE", path=children[1], times=999)
        w.run(4, "--timeout", "3s")
        eq((r.tags(REPO), left_digests(w)), ({"v2": other}, [children[1]]))
        r.reset()
        w.run(0)
        eq((r.tags(REPO), manifests(r)), ({}, []))
