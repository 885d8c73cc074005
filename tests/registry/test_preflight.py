#!/usr/bin/env python3
"""preflight as a user meets it: exit codes, what is printed, what the next step gets, what
the ledger says.

    tests/registry/test_preflight.py --sigrelay build/asan/sigrelay [TEST…]

Every test drives the program at fake_registry.py. Ends with "N passed, N failed".
"""
import base64
import json
import os
import re
import socket
import subprocess
import sys
import time

sys.path.insert(0, os.path.dirname(os.path.abspath(__file__)))
from fake_hub import FakeHub  # noqa: E402
from fake_proxy import FakeProxy  # noqa: E402
from fake_registry import FakeRegistry  # noqa: E402
from world import OTHER, Bystander, eq, has, lacks, main, test, without_time  # noqa: E402

KEYS = ["image", "registry", "repository", "tag", "state", "digest", "reason"]


def certificate(w):
    cert, key = w.path("cert.pem"), w.path("key.pem")
    subprocess.run(["openssl", "req", "-x509", "-newkey", "ec", "-pkeyopt", "ec_paramgen_curve:P-256", "-nodes",
                    "-keyout", key, "-out", cert, "-days", "2", "-subj", "/CN=fake", "-addext",
                    "subjectAltName=IP:127.0.0.1"], check=True, capture_output=True)
    return cert, key


# --- what is decided ---------------------------------------------------------------


@test
def absent_is_built(w):
    with FakeRegistry() as r:
        r.put("acme/app", "v1")
        image = r.host + "/acme/app:v2"
        got = w.json(0, image)
        eq(list(got), ["decision", "digest", "images"])
        eq([list(i) for i in got["images"]], [KEYS])
        eq(got, {"decision": "build", "digest": "", "images": [
            {"image": image, "registry": r.host, "repository": "acme/app", "tag": "v2", "state": "absent",
             "digest": "", "reason": ""}]})
        eq(w.err, "")
        w.preflight(0, image)
        eq(w.out, "IMAGE%s  STATE    DIGEST OR REASON\n%s  absent\n\ndecision: build\n" % (
            " " * (len(image) - 5), image))
        eq(w.err, "")


@test
def present_fails(w):
    with FakeRegistry() as r:
        digest = r.put("acme/app", "v1")
        image = r.host + "/acme/app:v1"
        eq(w.states(3, image), ("fail", digest, [("present", digest, "")]))
        has(w.err, "error: %s exists already" % image, "cosign sign --yes %s/acme/app@%s" % (r.host, digest))
        w.preflight(3, "--on-existing-tag=fail", image)
        has(w.out, "%s  present  %s\n" % (image, digest), "\ndecision: fail, digest %s\n" % digest)


@test
def all_present_is_skipped(w):
    with FakeRegistry() as a, FakeRegistry("quay") as b:
        digest = a.put("acme/app", "v1")
        eq(b.put("x/app", "v1"), digest)
        images = [a.host + "/acme/app:v1", b.host + "/x/app:v1"]
        eq(w.states(0, "--on-existing-tag=skip", *images)[:2], ("skip", digest))
        has(w.err, "notice: %s exists already" % images[0], "nothing has to be built",
            "cosign sign --yes %s/x/app@%s" % (b.host, digest))


@test
def present_with_warn_is_built(w):
    with FakeRegistry() as r:
        digest = r.put("acme/app", "v1")
        eq(w.states(0, "--on-existing-tag", "warn", r.host + "/acme/app:v1")[:2], ("build", digest))
        has(w.err, "warning: %s/acme/app:v1 exists already" % r.host, "a push replaces it")


@test
def a_mix_is_built_with_a_warning(w):
    with FakeRegistry() as a, FakeRegistry() as b:
        digest = a.put("acme/app", "v1")
        b.put("acme/app", "other")
        there, absent = a.host + "/acme/app:v1", b.host + "/acme/app:v1"
        got = w.states(0, "--on-existing-tag=skip", there, absent)
        eq(got, ("build", digest, [("present", digest, ""), ("absent", "", "")]))
        has(w.err, "warning: skip was chosen", "present: %s is %s; absent: %s;" % (there, digest, absent),
            "crane copy %s/acme/app@%s %s" % (a.host, digest, absent))
        eq(w.states(3, there, absent)[0], "fail")


@test
def one_tag_that_is_two_images(w):
    with FakeRegistry() as a, FakeRegistry() as b:
        one, two = a.put("acme/app", "v1", seed="1"), b.put("acme/app", "v1", seed="2")
        images = [a.host + "/acme/app:v1", b.host + "/acme/app:v1"]
        for policy in ("fail", "skip", "warn", ""):
            eq(w.states(3, "--on-existing-tag=" + policy, *images),
               ("fail", "", [("present", one, ""), ("present", two, "")]))
            has(w.err, "the registries disagree on the tag v1", "%s is %s, %s is %s" % (images[0], one, images[1], two))


@test
def several_images_of_one_registry_are_not_skipped(w):
    with FakeRegistry() as r:
        r.put("acme/app", "v1", seed="1")
        r.put("acme/app", "latest", seed="2")
        images = [r.host + "/acme/app:v1", r.host + "/acme/app:latest"]
        eq(w.states(3, "--on-existing-tag=skip", *images)[:2], ("fail", ""))
        has(w.err, "they are not one image")
        eq(w.states(0, "--on-existing-tag=warn", *images)[:2], ("build", ""))


# --- what cannot be told -------------------------------------------------------------


def is_unknown(w, image, *words, options=(), built=True):
    decision, digest, [(state, own, reason)] = w.states(0, *options, image)
    eq((decision, digest, state, own), ("build", "", "unknown", ""))
    has(reason, *words)
    has(w.err, "warning: cannot tell whether %s exists" % image, "--on-unknown=fail")
    eq(w.states(3, "--on-unknown=fail", *options, image)[0], "fail")
    has(w.err, "error: cannot tell whether %s exists" % image)


@test
def unknown_401(w):
    with FakeRegistry("dockerhub") as r:
        is_unknown(w, "acme/missing:v1", "401", options=["--dockerhub-registry-url", r.url])


@test
def unknown_403(w):
    with FakeRegistry("gcr") as r:
        is_unknown(w, r.host + "/acme/missing:v1", "403")


@test
def unknown_429(w):
    with FakeRegistry() as r:
        r.put("acme/app", "v1")
        for _ in range(2):
            r.fault("429", retry_after="3600", times=1)
        is_unknown(w, r.host + "/acme/app:v1", "429")
        eq(len(r.requests()), 2)


@test
def a_429_that_ends_is_waited_for(w):
    with FakeRegistry() as r:
        digest = r.put("acme/app", "v1")
        r.fault("429", retry_after="1")
        eq(w.states(3, r.host + "/acme/app:v1")[2], [("present", digest, "")])


@test
def a_429_that_names_no_time_is_not_hammered(w):
    """0, and a date that has passed, are no time to come back at."""
    for after in ("0", "Wed, 21 Oct 2015 07:28:00 GMT"):
        with FakeRegistry() as r:
            r.fault("429", times=9999, retry_after=after)
            [(state, _, reason)] = w.states(0, "--registry-timeout=3s", r.host + "/acme/app:v1")[2]
            eq(state, "unknown")
            lacks(reason, "left alone")
            if len(r.requests()) > 30:
                raise AssertionError("%d requests" % len(r.requests()))


@test
def unknown_5xx(w):
    with FakeRegistry() as r:
        r.fault("503", times=1000000)
        is_unknown(w, r.host + "/acme/app:v1", "503",
                   options=["--registry-timeout=1s", "--backoff-base=10ms", "--backoff-max=100ms"])


@test
def unknown_name_of_a_host(w):
    is_unknown(w, "no-such-host.invalid/acme/app:v1", "no-such-host.invalid",
               options=["--registry-timeout=5s", "--backoff-base=10ms"])


@test
def unknown_no_listener(w):
    with socket.socket() as s:
        s.bind(("127.0.0.1", 0))
        is_unknown(w, "127.0.0.1:%d/acme/app:v1" % s.getsockname()[1], "127.0.0.1", options=["--registry-timeout=1s"])


@test
def unknown_behind_a_dead_proxy(w):
    """It is the proxy that is named, for the registry may be well."""
    with socket.socket() as s:
        s.bind(("127.0.0.1", 0))
        w.env["https_proxy"] = "http://127.0.0.1:%d" % s.getsockname()[1]
        is_unknown(w, "ghcr.io/acme/app:v1", "ghcr.io: its proxy (see https_proxy) cannot be used",
                   "port %d" % s.getsockname()[1], options=["--registry-timeout=1s"])
    with FakeProxy({}) as proxy:
        w.env["https_proxy"] = proxy.url
        is_unknown(w, "ghcr.io/acme/app:v1", "ghcr.io: its proxy (see https_proxy) cannot be used", "502",
                   options=["--registry-timeout=1s"])


@test
def unknown_head_without_end(w):
    with FakeRegistry() as r:
        r.fault("404", headers={"X-%d" % i: 2000 * "x" for i in range(140)}, times=9)
        is_unknown(w, r.host + "/acme/app:v1", "the answer is larger than 256 KiB")
        eq([q["method"] for q in r.requests()], ["HEAD", "HEAD"])  # one for each of two runs


@test
def an_answer_that_never_comes_is_asked_for_again(w):
    """… while there is time: one attempt does not take all of it."""
    with FakeRegistry() as r:
        digest = r.put("acme/app", "v1")
        r.fault("stall")
        eq(w.states(3, "--registry-timeout=8s", r.host + "/acme/app:v1")[2], [("present", digest, "")])
        eq(len(r.requests()), 2)
        r.release()


@test
def unknown_certificate(w):
    tls = certificate(w)
    with FakeRegistry("dockerhub", tls=tls) as r:
        r.put("acme/app", "v1")
        is_unknown(w, "acme/app:v1", "not trusted", options=["--dockerhub-registry-url", r.url])
        w.states(3, "--dockerhub-registry-url", r.url, "--ca-file", tls[0], "acme/app:v1")


@test
def unknown_page_for_people(w):
    with FakeRegistry() as r:
        for _ in range(4):
            r.fault("html404")
        is_unknown(w, r.host + "/acme/app:v1", "404")


@test
def a_slow_registry_keeps_no_other_waiting(w):
    with FakeRegistry() as slow, FakeRegistry() as quick:
        digest = quick.put("acme/app", "v1")
        for _ in range(40):
            slow.fault("stall")
        images = ["%s/acme/app%d:v1" % (slow.host, i) for i in range(40)] + [quick.host + "/acme/app:v1"]
        began = time.monotonic()
        got = w.json(0, "--registry-timeout=2s", "--on-existing-tag=warn", *images)
        took = time.monotonic() - began
        eq([i["state"] for i in got["images"]], ["unknown"] * 40 + ["present"])
        eq(got["digest"], digest)
        if not 1.9 < took < 15:
            raise AssertionError("took %.1f s" % took)
        began = time.monotonic()
        w.json(0, "--timeout=1s", images[0])
        if time.monotonic() - began > 15:
            raise AssertionError("--timeout is not kept")


@test
def a_helper_that_hangs_keeps_no_other_waiting(w):
    os.mkdir(w.path("bin"))
    with open(w.path("bin/docker-credential-hang"), "w") as f:
        f.write("#!/bin/sh\nexec sleep 300\n")
    os.chmod(w.path("bin/docker-credential-hang"), 0o755)
    w.env["PATH"] = w.path("bin") + ":" + w.env["PATH"]
    with FakeRegistry("quay", private=["^acme/"]) as a, FakeRegistry() as b:
        digest = b.put("acme/app", "v1")
        with open(w.path("config.json"), "w") as f:
            json.dump({"credHelpers": {a.host: "hang"}}, f)
        began = time.monotonic()
        got = w.states(0, "--registry-timeout=4s", "--on-existing-tag=warn", a.host + "/acme/app:v1",
                       a.host + "/acme/other:v1", b.host + "/acme/app:v1")[2]
        if time.monotonic() - began > 20:
            raise AssertionError("it took too long")
        eq(got[2], ("present", digest, ""))
        for state, _, reason in got[:2]:
            eq(state, "unknown")
            has(reason, "docker-credential-hang", "2s")


# --- wrong usage -----------------------------------------------------------------------


@test
def wrong_usage_asks_nobody(w):
    w.with_ledger()
    w.on_github()
    with FakeRegistry() as r:
        good = r.host + "/acme/app:v1"
        for args, words in (
                ([], ["no image", "IMAGE:TAG"]),
                ([good, r.host + "/acme/app"], ["%s/acme/app' has no tag" % r.host, "not even latest"]),
                ([good + "@" + OTHER], ["has a digest"]),
                ([good, r.host + "/Acme/app:v1"], ["Acme"]),
                ([good, ""], ["preflight:"]),
                (["--on-existing-tag=ignore", good], ["--on-existing-tag=ignore", "fail, skip or warn"]),
                (["--on-unknown=skip", good], ["--on-unknown=skip", "warn or fail"]),
                (["--registry-timeout=soon", good], ["--registry-timeout=soon", "duration"]),
                (["--registry-timeout=0s", good], ["--registry-timeout=0s", "more than 0"]),
                (["--timeout=0ms", good], ["--timeout=0ms", "more than 0"]),
                (["--on-unknwon", "fail", good], ["--on-unknwon", "did you mean --on-unknown?"]),
                (["--retry-fro", "1s", good], ["did you mean --retry-for?"]),
                (["--json=yes", good], ["--json takes no value"]),
                (["--insecure-registry=http://x:1", good], ["--insecure-registry=http://x:1", "HOST:PORT"]),
                (["--insecure-registry=word", good], ["--insecure-registry=word"]),
                (["--insecure-registry=x:1/acme", good], ["--insecure-registry=x:1/acme"]),
                (["%s/acme/app:v%d" % (r.host, i) for i in range(101)], ["101 images", "at most 100"])):
            w.preflight(64, *args)
            has(w.err, *words)
            eq(w.out, "")
        eq(r.requests(), [])
        eq((w.text("ledger"), w.text("output"), w.text("summary")), ("", "", ""))


@test
def a_hundred_images(w):
    with FakeRegistry() as r:
        r.put("acme/app", "v1")
        got = w.json(0, *["%s/acme/app:a%d" % (r.host, i) for i in range(100)])
        eq([(i["tag"], i["state"]) for i in got["images"]], [("a%d" % i, "absent") for i in range(100)])


@test
def empty_flags_are_unset(w):
    with FakeRegistry() as r:
        r.put("acme/app", "v1")
        empty = ["--on-existing-tag=", "--on-unknown", "", "--registry-timeout=", "--timeout=", "--insecure-registry=",
                 "--ledger="]
        eq(w.states(3, *empty, r.host + "/acme/app:v1")[0], "fail")
        eq(w.states(0, *empty, r.host + "/acme/app:v2")[0], "build")


@test
def a_name_that_is_refused(w):
    w.with_ledger()
    w.on_github()
    with FakeRegistry() as r:
        body = json.dumps({"errors": [{"code": "NAME_INVALID", "message": "invalid repository name"}]})
        for method in ("HEAD", "GET"):
            r.fault("400", method=method, body=body)
        w.preflight(64, r.host + "/acme/app:v1")
        has(w.err, "::error title=", "::%s/acme/app:v1: " % r.host, "NAME_INVALID")
        eq(w.out, "")
        for method in ("HEAD", "GET"):
            r.fault("400", method=method, body=body)
        del w.env["GITHUB_ACTIONS"]
        w.preflight(64, r.host + "/acme/app:v1", r.host + "/acme/app:v2")
        has(w.err, "preflight: error: %s/acme/app:v" % r.host, "NAME_INVALID")
        eq(w.out, "")
        eq((w.text("ledger"), w.text("output"), w.text("summary")), ("", "", ""))


@test
def an_image_given_twice(w):
    with FakeRegistry("dockerhub") as r:
        r.put("library/alpine", "3")
        got = w.json(3, "--dockerhub-registry-url", r.url, "alpine:3", "docker.io/library/alpine:3",
                     "index.docker.io/alpine:3")
        eq([(i["image"], i["registry"], i["repository"]) for i in got["images"]],
           [("alpine:3", "docker.io", "library/alpine")])
        eq(w.err.count("is given twice"), 2)


def hub_asks(h):
    return [(q["method"], q["path"]) for q in h.requests()]


@test
def immutable_tags_of_docker_hub(w):
    with FakeRegistry("dockerhub") as r, FakeHub(r, immutable=[".*"]) as h:
        digest = r.put("acme/app", "v1")
        r.put("acme/app", "v2", "other")
        flags = ["--dockerhub-registry-url", r.url, "--dockerhub-url", h.url]
        every = "all tags of acme/app are immutable at Docker Hub"
        w.log_in("https://index.docker.io/v1/")
        eq(w.states(3, *flags, "acme/app:v1")[2], [("present", digest, every)])
        has(w.err, "exists already", every)
        eq(hub_asks(h), [("GET", "/v2/namespaces/acme/repositories/app")])
        eq([q["scheme"] for q in h.requests()], [None])
        h.hub.update(immutable=[], all_immutable=True)
        eq(w.states(3, *flags, "acme/app:v1")[2][0][2], every)
        h.hub.update(immutable=["^v\\d", "##[error]x"], all_immutable=False)
        w.preflight(0, *flags, "--on-existing-tag=warn", "acme/app:v1")
        has(w.err, "tags of acme/app that match ^v\\d, #?[error]x are immutable at Docker Hub")
        h.reset()
        w.json(3, *flags, "acme/app:v1", "docker.io/acme/app:v2", "acme/app:v3")
        eq(len(hub_asks(h)), 1)


@test
def docker_hub_has_nothing_to_say(w):
    """Nothing is waited for, and nothing told, where it does not answer, or is not meant."""
    with FakeRegistry("dockerhub") as r, FakeHub(r, all_immutable=True) as h, FakeRegistry() as other:
        r.put("acme/app", "v1")
        other.put("acme/app", "v1")
        flags = ["--dockerhub-registry-url", r.url, "--dockerhub-url", h.url]
        for fault in ("503", "429", "html200", "html404", "403"):
            h.fault(fault, path="namespaces", times=9)
            eq(w.states(3, *flags, "acme/app:v1")[2][0][2], "")
            eq(len(hub_asks(h)), 1)
            h.reset()
        h.hub.update(private=True)
        eq(w.states(3, *flags, "acme/app:v1")[2][0][2], "")
        h.reset()
        w.json(0, *flags, "acme/app:v2")
        w.json(3, *flags, other.host + "/acme/app:v1")
        eq(hub_asks(h), [])
        h.hub.update(private=False, all_immutable=False)
        eq(w.states(3, *flags, "acme/app:v1")[2][0][2], "")
        with Bystander() as proxy:  # whoever asked hub.docker.com would come by
            w.env["https_proxy"] = proxy.url
            w.json(3, "--dockerhub-registry-url", r.url, "acme/app:v1")
            eq(proxy.was_asked(), False)


@test
def authorities_that_cannot_be_used(w):
    """A mistake in the configuration is not a registry that cannot tell."""
    w.with_ledger()
    open(w.path("empty.pem"), "w").close()
    open(w.ledger, "w").close()
    for file in (w.path("nowhere.pem"), w.path("empty.pem")):
        for command in (["preflight", "ghcr.io/acme/app:v1"], ["pushed", "ghcr.io/acme/app:v1@" + OTHER], ["cleanup"]):
            w.run(78, *command, "--ca-file", file)
            has(w.err, "ca_file = " + file, "cannot be used")
    eq(w.lines(), [])


@test
def words_behind_two_dashes(w):
    with FakeRegistry() as r:
        r.put("acme/app", "v1")
        eq(w.json(0, "--on-existing-tag=warn", "--", r.host + "/acme/app:v1")["decision"], "build")
        w.run(64, "preflight", "--", "--json", r.host + "/acme/app:v1")
        has(w.err, "not an image reference", "--json")


@test
def closed_streams(w):
    """What is printed does not end in the file that was opened in their place."""
    w.with_ledger()
    with FakeRegistry() as r:
        for closed in (">&-", "2>&-", ">&- 2>&-", "<&- >&- 2>&-"):
            for command in ("preflight --json %s/acme/app:v1" % r.host, "preflight --no-such-flag", "cleanup"):
                subprocess.run(["sh", "-c", '"$0" %s %s' % (command, closed), w.program], env=w.env,
                               capture_output=True, timeout=60)
                eq({line["event"] for line in w.lines()}, {"preflight"})


@test
def an_insecure_registry(w):
    with FakeRegistry() as r:
        digest = r.put("acme/app", "v1")
        host = "0.0.0.0:" + r.host.split(":")[1]
        eq(w.states(3, "--insecure-registry", "other.example,%s" % host, host + "/acme/app:v1")[2],
           [("present", digest, "")])
        eq(w.states(3, "--insecure-registry=a.example:1", "--insecure-registry=" + host, host + "/acme/app:v1")[1],
           digest)
        has(w.states(0, host + "/acme/app:v1")[2][0][2], "TLS")
    for name in ("docker.io", "index.docker.io"):
        w.run(64, "preflight", "--insecure-registry", name, "acme/app:v1")
        has(w.err, "--insecure-registry=%s: that is Docker Hub" % name, "dockerhub_registry_url")


# --- what others are told ------------------------------------------------------------------


@test
def outputs_and_summary(w):
    w.on_github()
    with FakeRegistry() as a, FakeRegistry("gcr") as b:
        digest = a.put("acme/app", "v1")
        a.put("acme/app", "v1.0")
        images = [a.host + "/acme/app:v1", a.host + "/acme/app:v1.0", b.host + "/acme/app:v1", a.host + "/acme/app:v2"]
        w.preflight(0, "--on-existing-tag=warn", *images)
        eq(w.outputs(), {"decision": "build", "digest": digest, "existing": "%s,%s" % (images[0], images[1]),
                         "unknown": images[2]})
        has(w.text("summary"), "### Preflight: build, digest %s\n" % digest, "| %s | present | %s |\n" % (
            images[0], digest), "| %s | absent |  |\n" % images[3], "| %s | unknown | " % images[2])
        for line in w.err.splitlines():
            if not re.match("::warning title=[^:]+::", line):
                raise AssertionError("no annotation: " + line)
        lacks(w.err, "sigrelay:")


@test
def outputs_of_a_failure(w):
    w.on_github()
    with FakeRegistry() as r:
        digest = r.put("acme/app", "v1")
        w.preflight(3, r.host + "/acme/app:v1")
        eq(w.outputs(), {"decision": "fail", "digest": digest, "existing": r.host + "/acme/app:v1", "unknown": ""})
        has(w.err, "::error title=The tag exists already::%s/acme/app:v1 exists already" % r.host)


@test
def json_stays_json_under_github(w):
    w.on_github()
    with FakeRegistry() as r:
        r.put("acme/app", "v1")
        eq(w.states(0, "--on-existing-tag=warn", r.host + "/acme/app:v1")[0], "build")
        has(w.err, "::warning title=")


@test
def outputs_that_cannot_be_written(w):
    w.on_github()
    with FakeRegistry() as r:
        r.put("acme/app", "v1")
        w.env["GITHUB_OUTPUT"] = "/dev/full"
        w.preflight(1, r.host + "/acme/app:v2")
        has(w.err, "GITHUB_OUTPUT /dev/full", "No space left")
        w.preflight(3, r.host + "/acme/app:v1")
        w.env.update(GITHUB_OUTPUT=w.path("output"), GITHUB_STEP_SUMMARY="/no/such/folder/summary")
        w.preflight(0, r.host + "/acme/app:v2")
        has(w.err, "GITHUB_STEP_SUMMARY /no/such/folder/summary")


@test
def the_ledger_says_what_was_seen(w):
    w.with_ledger("run 7")
    with FakeRegistry("gcr") as r:
        digest = r.put("acme/app", "v1")
        w.preflight(0, "--on-existing-tag=warn", r.host + "/acme/app:v1", r.host + "/acme/app:v2",
                    r.host + "/acme/none:v1")
        lines = [without_time(line) for line in w.lines()]
        base = {"run": "run 7", "event": "preflight", "registry": r.host}
        app = dict(base, repository="acme/app")
        eq(lines[0], dict(app, image=r.host + "/acme/app:v1", tag="v1", digest=digest, state="present"))
        eq(lines[1], dict(app, image=r.host + "/acme/app:v2", tag="v2", state="absent"))
        has(lines[2].pop("reason"), "403")
        eq(lines[2], dict(base, repository="acme/none", image=r.host + "/acme/none:v1", tag="v1", state="unknown"))


@test
def a_ledger_that_cannot_be_opened(w):
    with FakeRegistry() as r:
        w.preflight(78, "--ledger=/no/such/folder/ledger", r.host + "/acme/app:v1")
        has(w.err, "/no/such/folder/ledger", "nothing was done")
        eq(r.requests(), [])


HOSTILE = "x\n::error::planted\r\n::set-output name=decision::skip\n##[error]planted \x1b[31mred\x07 | `c` <b>&\u202e"


def hostile_error(code):
    return json.dumps({"errors": [{"code": code, "message": HOSTILE}]})


def no_command(text):
    """Nothing in it that a runner or a terminal would obey."""
    for line in text.split("\n"):
        if re.match(r"\s*::", line) and not re.match("::(warning|error) title=Cannot tell whether the tag exists::", line):
            raise AssertionError("a command: %r" % line)
    lacks(text, "##[", "\x1b", "\r", "\x07", "\u202e")


@test
def hostile_text_commands_nothing(w):
    w.on_github()
    w.with_ledger()
    with FakeRegistry() as r:
        image = r.host + "/acme/app:v1"
        for github in (True, False):
            for args in ([], ["--json"]):
                for method in ("HEAD", "GET"):
                    r.fault("403", method=method, body=hostile_error("DENIED\n::error::code"))
                    r.fault("404", method=method, body=hostile_error("X\n::error::code"))
                w.env["GITHUB_ACTIONS"] = "true" if github else ""
                w.preflight(0, *args, image)
                r.reset()
                r.fault("404", method="HEAD", body=hostile_error("X"))
                r.fault("404", method="GET", body=hostile_error("X\n::error::code"))
                w.preflight(0, *args, image)
                has(w.out + w.err, "planted")
                no_command(w.out)
                no_command(w.err)
                r.reset()
    no_command(w.text("output"))
    eq(len(w.text("output").splitlines()), 8 * 4)
    summary = w.text("summary")
    lacks(summary, "<b>", "`", "\x1b", "##[")
    has(summary, "planted")
    for line in summary.splitlines():
        if line and not line.startswith("| ") and not line.startswith("### Preflight: build"):
            raise AssertionError("not in the table: %r" % line)
        if line.startswith("|"):
            eq(len(re.findall(r"(?<!\\)\|", line)), 4)
    for line in w.lines():
        lacks(line["reason"], "##[", "\x1b")


@test
def credentials_are_used_and_never_shown(w):
    w.on_github()
    w.with_ledger()
    secrets = ["hunter2-very-secret", base64.b64encode(b"robot:hunter2-very-secret").decode()]
    with FakeRegistry("quay", users={"robot": secrets[0]}, private=["^acme/"]) as r:
        digest = r.put("acme/app", "v1")
        image = r.host + "/acme/app:v1"
        w.log_in(r.host, "robot", secrets[0])
        eq(w.states(3, "--log-level=debug", image)[2], [("present", digest, "")])
        everything = w.out + w.err
        tokens = list(r.tokens)
        if not tokens:
            raise AssertionError("no token was asked for")
        # … and refused ones: what then stands in the reason.
        w.log_in(r.host, "robot", "wrong-very-secret")
        state, _, reason = w.states(0, "--log-level=debug", image)[2][0]
        eq(state, "unknown")
        has(reason, "401")
        everything += w.out + w.err + w.text("output") + w.text("summary") + w.text("ledger")
        lacks(everything, "very-secret", secrets[1], *tokens)


@test
def a_credentials_file_that_is_none(w):
    with FakeRegistry() as r:
        with open(w.path("config.json"), "w") as f:
            f.write('{"auths": ')
        w.preflight(78, r.host + "/acme/app:v1")
        has(w.err, w.path("config.json"))
        eq(r.requests(), [])


@test
def colours_on_a_terminal_only(w):
    with FakeRegistry() as r:
        r.put("acme/app", "v1")
        args = ("preflight", "--on-existing-tag=warn", r.host + "/acme/app:v1", r.host + "/acme/app:v2")
        w.env["TERM"] = "xterm"
        shown = w.on_terminal(*args)
        has(shown, "\x1b[33mpresent\x1b[0m", "\x1b[32mabsent\x1b[0m", "ended with 0")
        w.env["NO_COLOR"] = "1"
        shown = w.on_terminal(*args)
        lacks(shown.replace("\r\x1b[K", ""), "\x1b")
        w.env = dict(w.env, NO_COLOR="", TERM="dumb")
        lacks(w.on_terminal(*args), "\x1b")


@test
def a_wait_is_told_on_a_terminal(w):
    with FakeRegistry() as slow, FakeRegistry() as quick:
        for _ in range(2):
            slow.fault("stall")
        args = ("preflight", "--registry-timeout=5s", slow.host + "/acme/app:v1", slow.host + "/acme/app:v2",
                quick.host + "/acme/app:v1")
        w.env["TERM"] = "xterm"
        w.env["NO_COLOR"] = "1"
        shown = w.on_terminal(*args)
        has(shown, "waiting for %s since " % slow.host, "ended with 0")
        lacks(shown, " since 0", " since 1s", " since 2s", "waiting for %s, %s" % (slow.host, quick.host), quick.host + " since")
        slow.release()
        slow.fault("stall")
        w.preflight(0, "--registry-timeout=4s", slow.host + "/acme/app:v1")
        lacks(w.out + w.err, "waiting for")


if __name__ == "__main__":
    sys.exit(main())
