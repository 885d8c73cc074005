#!/usr/bin/env python3
"""pushed as a user meets it: what is noted, what is not, and by many at once.

    tests/registry/test_pushed.py --sigrelay build/asan/sigrelay [TEST…]

Every test drives the program at fake_registry.py. Ends with "N passed, N failed".
"""
import json
import os
import subprocess
import sys

sys.path.insert(0, os.path.dirname(os.path.abspath(__file__)))
from fake_registry import FakeRegistry  # noqa: E402
from world import OTHER, eq, has, lacks, main, test, without_time  # noqa: E402


@test
def pushed_is_noted(w):
    w.with_ledger()
    with FakeRegistry() as r:
        digest = r.put("acme/app", "v1")
        image = r.host + "/acme/app:v1"
        w.run(0, "pushed", image + "@" + digest)
        eq((w.out, w.err), ("%s@%s\n" % (image, digest), ""))
        eq([without_time(line) for line in w.lines()],
           [{"run": "r1", "event": "pushed", "image": image, "registry": r.host, "repository": "acme/app", "tag": "v1",
             "digest": digest, "state": "present"}])
        eq([q["method"] for q in r.requests()], ["HEAD"])


@test
def pushed_of_another_digest(w):
    w.with_ledger()
    with FakeRegistry() as r, FakeRegistry() as broken:
        broken.fault("503", times=1000)
        good, moved = r.put("acme/app", "v1"), r.put("acme/app", "v2", seed="x")
        w.run(1, "pushed", "--backoff-base=10ms", "--backoff-max=20ms", "--attempt-timeout=1s",
              "%s/acme/app:v2@%s" % (r.host, good), "%s/acme/app:v3@%s" % (r.host, good),
              "%s/acme/app:v1@%s" % (r.host, good))
        has(w.err, "%s/acme/app:v2 is %s in the registry, not %s" % (r.host, moved, good),
            "%s/acme/app:v3 is not in the registry" % r.host)
        eq([line["tag"] for line in w.lines()], ["v1"])
        eq(w.out, "%s/acme/app:v1@%s\n" % (r.host, good))


@test
def pushed_that_cannot_be_told(w):
    w.with_ledger()
    with FakeRegistry("gcr") as r:
        image = "%s/acme/none:v1@%s" % (r.host, OTHER)
        w.run(1, "pushed", image)
        has(w.err, "cannot tell whether %s/acme/none:v1 is %s" % (r.host, OTHER), "403", "--no-verify")
        eq(w.lines(), [])
        asked = len(r.requests())
        with open(w.path("config.json"), "w") as f:
            f.write("not read")
        w.run(0, "pushed", "--no-verify", image)
        eq(len(r.requests()), asked)
        [line] = w.lines()
        eq((line["event"], line["digest"], line["tag"]), ("pushed", OTHER, "v1"))
        lacks(line, "state")


@test
def pushed_is_read_whole_before_a_line_is_written(w):
    with FakeRegistry() as r:
        digest = r.put("acme/app", "v1")
        good = "%s/acme/app:v1@%s" % (r.host, digest)
        for args, words in (
                ([], ["no image", "IMAGE:TAG@DIGEST"]),
                ([good, r.host + "/acme/app:v2"], ["has no digest"]),
                ([good, "%s/acme/app@%s" % (r.host, digest)], ["has no tag"]),
                ([good, good[:-1]], ["pushed:"]),
                ([good, "%s/acme/app:v1@%s" % (r.host, OTHER)], ["another digest", digest]),
                (["--no-verify=x", good], ["--no-verify takes no value"])):
            w.with_ledger()
            w.run(64, "pushed", *args)
            has(w.err, *words)
            eq((w.text("ledger"), w.out), ("", ""))
        w.run(0, "pushed", good, good)
        eq(len(w.lines()), 1)
        has(w.err, "is given twice")


@test
def pushed_needs_a_ledger(w):
    with FakeRegistry() as r:
        digest = r.put("acme/app", "v1")
        for args in ([], ["--no-verify"]):
            w.run(64, "pushed", *args, "%s/acme/app:v1@%s" % (r.host, digest))
            has(w.err, "--ledger", "SIGRELAY_LEDGER")
            w.run(78, "pushed", *args, "--ledger=/no/such/folder/l", "%s/acme/app:v1@%s" % (r.host, digest))
            has(w.err, "/no/such/folder/l")
            w.run(1, "pushed", *args, "--ledger=/dev/full", "%s/acme/app:v1@%s" % (r.host, digest))
            has(w.err, "/dev/full", "No space left", "acme/app:v1 is pushed is not noted", "cleanup cannot go by it")
            eq(w.out, "")


@test
def pushed_to_nobody_who_reads(w):
    """All is in the ledger before anything is printed."""
    w.with_ledger()
    images = ["ghcr.io/acme/app:%s-%d@%s" % (60 * "v", i, OTHER) for i in range(100)]
    reader, writer = os.pipe()
    os.close(reader)
    p = subprocess.run([w.program, "pushed", "--no-verify", *images], env=w.env, stdout=writer, stderr=subprocess.PIPE,
                       timeout=60)
    os.close(writer)
    eq((p.returncode, len(w.lines())), (0, 100))
    has(p.stderr.decode(), "pushed: cannot print the result: Broken pipe")


@test
def pushed_by_a_run_without_a_name(w):
    for args, named in ((["--ledger=" + w.ledger], False), (["--ledger=" + w.ledger, "--run-id=r"], True)):
        w.run(0, "pushed", "--no-verify", *args, "ghcr.io/acme/app:v1@" + OTHER)
        eq("this run has no name" in w.err, not named)
    made_up, given = (line["run"] for line in w.lines())
    eq((made_up[:4], given), ("run-", "r"))
    w.env["GITHUB_RUN_ID"] = "77"
    w.run(0, "pushed", "--no-verify", "--ledger=" + w.ledger, "ghcr.io/acme/app:v1@" + OTHER)
    eq((w.lines()[2]["run"], w.err), ("77.1", ""))


@test
def pushed_by_many_at_once(w):
    w.with_ledger()
    with open(w.ledger, "w") as f:
        f.write('{"torn')
    with FakeRegistry() as r:
        digest = r.put("acme/app", "v0")
        for i in range(20):
            r.tag("acme/app", "v%d" % i, digest)
        processes = [subprocess.Popen([w.program, "pushed", "%s/acme/app:v%d@%s" % (r.host, i, digest),
                                       "%s/acme/app:v%d@%s" % (r.host, (i + 1) % 20, digest)],
                                      env=w.env, stdout=subprocess.DEVNULL, stderr=subprocess.PIPE)
                     for i in range(20)]
        told = b"".join(p.communicate(timeout=60)[1] for p in processes)
        eq([p.returncode for p in processes], [0] * 20)
        eq(told.count(b"ledger_torn"), 1)
    lines = w.text("ledger").splitlines()
    eq(lines[0], '{"torn')
    tags = sorted(json.loads(line)["tag"] for line in lines[1:])
    eq(tags, sorted(2 * ["v%d" % i for i in range(20)]))


if __name__ == "__main__":
    sys.exit(main())
