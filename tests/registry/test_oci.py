#!/usr/bin/env python3
"""The registry room against registries that answer as named products do, and fail.

    tests/registry/test_oci.py --look build/dev/tests/look [TEST…]

Every test drives tests/registry/look.c at fake_registry.py. Ends with "N passed, N failed".
"""
import argparse
import base64
import concurrent.futures
import json
import os
import shutil
import socket
import subprocess
import sys
import tempfile
import time
import traceback

sys.path.insert(0, os.path.dirname(os.path.abspath(__file__)))
from fake_registry import PROFILES, FakeRegistry  # noqa: E402

TESTS = []
ABSENT_NAME = "the registry has no such repository"


class Skip(Exception):
    pass


def test(f):
    TESTS.append(f)
    return f


class World:
    """A home of its own, the program, and what it printed."""

    def __init__(self, program):
        self.program = program
        self.home = tempfile.mkdtemp(prefix="sigrelay-look.")
        self.env = {"PATH": os.environ["PATH"], "HOME": self.home, "DOCKER_CONFIG": self.home}
        for name in ("ASAN_OPTIONS", "UBSAN_OPTIONS", "LD_LIBRARY_PATH"):
            if name in os.environ:
                self.env[name] = os.environ[name]

    def close(self):
        shutil.rmtree(self.home)

    def log_in(self, host, user="user", secret="secret", **more):
        entry = dict(more)
        if user is not None:
            entry["auth"] = base64.b64encode(("%s:%s" % (user, secret)).encode()).decode()
        with open(os.path.join(self.home, "config.json"), "w") as f:
            json.dump({"auths": {host: entry}}, f)

    def run(self, *args, options=()):
        p = subprocess.run([self.program, *options, *args], env=self.env, capture_output=True, text=True, timeout=60)
        if p.returncode != 0 or p.stderr:
            raise AssertionError("exit %d: %s" % (p.returncode, p.stderr[-2000:]))
        return [line.split("\t") for line in p.stdout.splitlines()]

    def look(self, *images, options=()):
        """[(state, digest, media type, reason)] in the order of the images."""
        got = {line[0]: tuple(line[1:]) for line in self.run("look", *images, options=options)}
        return [got[i] for i in images]

    def look_one(self, image, options=()):
        return self.look(image, options=options)[0]

    def ask(self, image, *words, options=(), how="ask"):
        """[(status, no_access, error)]"""
        return [(int(s), n, e) for s, n, e in self.run(how, image, *words, options=options)]

    def web(self, *words, options=()):
        """(status, attempts, retry_after ms, bytes, error)"""
        s, attempts, retry, size, error = self.run("web", *words, options=options)[0]
        return int(s), int(attempts), int(retry), int(size), error


def eq(got, want):
    if got != want:
        raise AssertionError("got %r, expected %r" % (got, want))


def has(text, *parts):
    for p in parts:
        if p not in text:
            raise AssertionError("%r is not in %r" % (p, text))


def sent(r):
    return [(q["method"], q["scheme"]) for q in r.requests()]


def state_of(look):
    return look[0]


# --- the verdict --------------------------------------------------------------


@test
def present_takes_one_head(w):
    for profile in ("distribution3", "distribution2", "zot"):
        with FakeRegistry(profile) as r:
            digest = r.put("acme/app", "v1")
            eq(w.look_one(r.host + "/acme/app:v1"),
               ("present", digest, "application/vnd.oci.image.manifest.v1+json", ""))
            eq(sent(r), [("HEAD", None)])
            has(r.requests()[0]["agent"], "sigrelay/")


@test
def every_form_is_asked_for(w):
    with FakeRegistry() as r:
        for kind in ("image", "index", "docker", "list"):
            digest = r.put("acme/app", kind, kind=kind)
            eq(w.look_one("%s/acme/app:%s" % (r.host, kind))[:2], ("present", digest))


@test
def by_digest(w):
    with FakeRegistry() as r:
        digest = r.put("acme/app")
        eq(w.look_one("%s/acme/app@%s" % (r.host, digest))[:2], ("present", digest))
        eq(state_of(w.look_one("%s/acme/app@sha256:%064d" % (r.host, 0))), "absent")


@test
def absent_tag_of_every_product(w):
    for profile in PROFILES:
        with FakeRegistry(profile) as r:
            r.put("acme/app", "v1")
            w.log_in(r.host)
            eq((profile,) + w.look_one(r.host + "/acme/app:v2"), (profile, "absent", "", "", ""))


@test
def absent_by_head_then_get(w):
    with FakeRegistry() as r:
        r.put("acme/app", "v1")
        eq(state_of(w.look_one(r.host + "/acme/app:v2")), "absent")
        eq([q["method"] for q in r.requests()], ["HEAD", "GET"])


@test
def missing_repository_of_every_product(w):
    want = {"distribution2": ("absent", ""), "distribution3": ("absent", ""), "zot": ("absent", ABSENT_NAME),
            "harbor": ("absent", ""), "quay": ("absent", ABSENT_NAME), "ecr": ("absent", ABSENT_NAME),
            "acr": ("absent", ""), "ghcr": ("absent", ""), "gcr": ("absent", "")}
    for profile, (state, reason) in want.items():
        with FakeRegistry(profile) as r:
            r.put("acme/app", "v1")
            w.log_in(r.host)
            got = w.look_one(r.host + "/acme/none:v1")
            eq((profile, got[0], got[3]), (profile, state, reason))


@test
def missing_and_forbidden_look_alike(w):
    for profile in ("dockerhub", "ghcr", "gcr", "quay"):
        with FakeRegistry(profile, private=["secret"]) as r:
            r.put("acme/secret", "v1")
            for name in ("acme/secret:v1", "acme/none:v1"):
                if profile == "quay" and name == "acme/none:v1":
                    continue  # it tells anybody
                got = w.look_one("%s/%s" % (r.host, name))
                eq((profile, name, got[0]), (profile, name, "unknown"))
                has(got[3], "no access, or it does not exist", "docker login " + r.host)


@test
def who_may_not_is_told_as_whom(w):
    for profile in ("dockerhub", "ghcr", "gcr", "distribution3"):
        auth = {} if profile != "distribution3" else {"auth": "bearer"}
        with FakeRegistry(profile, private=["secret"], owners={"user": ["^mine/"]}, **auth) as r:
            r.put("acme/secret", "v1")
            w.log_in(r.host)
            got = w.look_one(r.host + "/acme/secret:v1")
            eq((profile, got[0]), (profile, "unknown"))
            has(got[3], "no access, or it does not exist", "asked as user")


@test
def owner_of_the_namespace_sees_404(w):
    with FakeRegistry("dockerhub", users={"acme": "s"}) as r:
        w.log_in(r.host, "acme", "s")
        eq(state_of(w.look_one(r.host + "/acme/none:v1")), "absent")


@test
def harbor_without_the_project(w):
    with FakeRegistry("harbor") as r:
        r.put("acme/app", "v1")
        w.log_in(r.host)
        got = w.look_one(r.host + "/other/app:v1")
        eq(state_of(got), "unknown")
        has(got[3], "401", "no way to log in")


@test
def quay_remembers_a_deleted_tag(w):
    with FakeRegistry("quay", auth="none") as r:
        r.put("acme/app", "v1")
        eq(w.ask(r.host + "/acme/app", "DELETE", "manifests/v1")[0][0], 202)
        r.reset()
        eq(state_of(w.look_one(r.host + "/acme/app:v1")), "absent")


@test
def a_404_that_says_less_is_unknown(w):
    with FakeRegistry() as r:
        for fault in ("html404", "empty404"):
            r.fault(fault, times=2)
            got = w.look_one(r.host + "/acme/app:v1")
            eq(got[:2], ("unknown", ""))
            has(got[3], "404 without a registry's error")
        r.fault("404", times=2, body='{"errors":[{"code":"MANIFEST_UNKNOWN","message":"OCI index found, but '
                                     'accept header does not support OCI indexes"}]}')
        eq(state_of(w.look_one(r.host + "/acme/app:v1")), "unknown")


@test
def a_page_with_200_is_unknown(w):
    with FakeRegistry() as r:
        r.fault("html200", times=2)
        eq(w.look_one(r.host + "/acme/app:v1")[:2], ("unknown", ""))


@test
def without_a_digest_the_body_is_hashed(w):
    for header in (False, "junk"):
        with FakeRegistry(digest_header=header) as r:
            digest = r.put("acme/app", "v1")
            eq(w.look_one(r.host + "/acme/app:v1")[:2], ("present", digest))
            eq([q["method"] for q in r.requests()], ["HEAD", "GET"])


@test
def without_head_get_answers(w):
    with FakeRegistry(head=False) as r:
        digest = r.put("acme/app", "v1")
        eq(w.look_one(r.host + "/acme/app:v1")[:2], ("present", digest))


@test
def a_body_past_the_maximum_is_unknown(w):
    with FakeRegistry(digest_header=False) as r:
        r.put("acme/app", "v1", seed="x" * (5 << 20))
        got = w.look_one(r.host + "/acme/app:v1")
        eq(state_of(got), "unknown")
        has(got[3], "larger than 4096 KiB")
        eq(len(r.requests()), 2)


@test
def a_name_that_is_refused(w):
    with FakeRegistry() as r:
        r.fault("400", times=2, body='{"errors":[{"code":"NAME_INVALID","message":"bad"}]}')
        got = w.look_one(r.host + "/acme/app:v1")
        eq(state_of(got), "refused")
        has(got[3], "400 NAME_INVALID: bad")


# --- faults that pass ------------------------------------------------------------


@test
def a_fault_that_passes_is_tried_again(w):
    for fault in ("500", "502", "503", "504", "429", "close", "half"):
        with FakeRegistry() as r:
            digest = r.put("acme/app", "v1")
            r.fault(fault, times=2)
            eq((fault,) + w.look_one(r.host + "/acme/app:v1")[:2], (fault, "present", digest))
            eq((fault, len(r.requests())), (fault, 3))


@test
def half_a_body_is_no_body(w):
    with FakeRegistry(digest_header=False) as r:
        digest = r.put("acme/app", "v1")
        r.fault("half", method="GET")
        eq(w.look_one(r.host + "/acme/app:v1")[:2], ("present", digest))
        eq([q["method"] for q in r.requests()], ["HEAD", "GET", "GET"])


@test
def a_fault_that_stays_is_unknown_with_its_cause(w):
    for fault, words in (("503", "503"), ("429", "429"), ("close", "without an answer"), ("half", "broke off")):
        with FakeRegistry() as r:
            r.put("acme/app", "v1")
            r.fault(fault, times=100)
            got = w.look_one(r.host + "/acme/app:v1")
            eq((fault, got[0], len(r.requests())), (fault, "unknown", 4))
            has(got[3], words, "tried 4 times")


@test
def nobody_listens(w):
    with socket.socket() as s:  # bound, so nobody else takes the port
        s.bind(("127.0.0.1", 0))
        host = "127.0.0.1:%d" % s.getsockname()[1]
        got = w.look_one(host + "/acme/app:v1")
        eq(state_of(got), "unknown")
        has(got[3], host + ": connection refused")


@test
def a_name_that_does_not_resolve(w):
    got = w.look_one("no-such-host.invalid/acme/app:v1")
    eq(state_of(got), "unknown")
    has(got[3], "cannot resolve no-such-host.invalid", "tried 3 times")


@test
def silence_times_out(w):
    with FakeRegistry() as r:
        r.fault("stall", times=100)
        got = w.look_one(r.host + "/acme/app:v1", options=["--timeout", "200", "--attempts", "2"])
        r.release()
        eq(state_of(got), "unknown")
        has(got[3], "timed out after 200ms", "tried 2 times")


@test
def the_deadline_ends_it(w):
    with FakeRegistry() as r:
        r.fault("503", times=100000)
        began = time.monotonic()
        got = w.look_one(r.host + "/acme/app:v1", options=["--deadline", "1000", "--attempts", "0"])
        if time.monotonic() - began > 10:
            raise AssertionError("it went on")
        eq(state_of(got), "unknown")
        has(got[3], "503")


@test
def the_last_word_before_the_deadline_counts(w):
    """An attempt that the deadline cuts off says less than the answer before it."""
    with FakeRegistry() as r:
        r.fault("503")
        r.fault("stall", times=100)
        got = w.look_one(r.host + "/acme/app:v1", options=["--deadline", "1500", "--attempts", "0"])
        r.release()
        has(got[3], "503")


@test
def retry_after_past_the_deadline_is_not_waited_for(w):
    with FakeRegistry() as r:
        r.fault("429", retry_after="3600")
        got = w.look_one(r.host + "/acme/app:v1")
        eq(len(r.requests()), 1)
        has(got[3], "429", "1h")


@test
def retry_after_is_waited_for(w):
    with FakeRegistry() as r:
        digest = r.put("acme/app", "v1")
        r.fault("429", retry_after="1")
        began = time.monotonic()
        eq(w.look_one(r.host + "/acme/app:v1")[:2], ("present", digest))
        if time.monotonic() - began < 1:
            raise AssertionError("it did not wait")


@test
def hubs_retry_after_is_a_time(w):
    with FakeRegistry() as r:
        r.fault("429", x_retry_after=str(int(time.time()) + 600))
        status, attempts, retry, _, _ = w.web("GET", r.url + "/v2/")
        eq((status, attempts), (429, 1))
        if not 590000 < retry <= 600000:
            raise AssertionError(retry)


@test
def a_lost_answer_to_a_delete(w):
    with FakeRegistry() as r:
        r.put("acme/app", "v1")
        r.fault("lose", method="DELETE")
        eq(w.ask(r.host + "/acme/app", "DELETE", "manifests/v1"), [(404, "", "")])
        eq(r.tags("acme/app"), {})


@test
def a_final_refusal_is_not_repeated(w):
    with FakeRegistry() as r:
        for status in ("400", "404", "409", "412", "501"):
            r.fault(status)
            eq(w.web("GET", r.url + "/v2/")[:2], (int(status), 1))


# --- redirects --------------------------------------------------------------------


@test
def a_redirect_is_followed_without_the_credentials(w):
    with FakeRegistry() as r, FakeRegistry() as other:
        digest = other.put("acme/app", "v1")
        r.fault("redirect", to=other.url + "/v2/acme/app/manifests/v1")
        eq(w.look_one(r.host + "/acme/app:v1")[:2], ("present", digest))
        r.fault("redirect", to=other.url + "/v2/")
        other.reset()
        eq(w.web("GET", r.url + "/v2/")[0], 200)
        eq((r.requests()[-1]["scheme"], sent(other)), ("Bearer", [("GET", None)]))


@test
def a_redirect_of_the_same_host_keeps_them(w):
    with FakeRegistry() as r:
        r.fault("redirect", to="/v2/?again")
        eq(w.web("GET", r.url + "/v2/")[0], 200)
        eq(sent(r), [("GET", "Bearer"), ("GET", "Bearer")])


@test
def credentials_do_not_come_back(w):
    """From the other host back to the first: they stay away."""
    with FakeRegistry() as r, FakeRegistry() as other:
        r.fault("redirect", to=other.url + "/v2/")
        other.fault("redirect", to=r.url + "/v2/")
        eq(w.web("GET", r.url + "/v2/")[0], 200)
        eq((sent(r), sent(other)), ([("GET", "Bearer"), ("GET", None)], [("GET", None)]))


@test
def a_retry_begins_at_the_first_host(w):
    with FakeRegistry() as r, FakeRegistry() as other:
        r.fault("redirect", to=other.url + "/v2/")
        other.fault("503")
        eq(w.web("GET", r.url + "/v2/")[:2], (200, 2))
        eq(sent(r), [("GET", "Bearer"), ("GET", "Bearer")])


@test
def redirects_end(w):
    with FakeRegistry() as r:
        r.fault("redirect", to="/v2/", times=100)
        status, attempts, _, _, error = w.web("GET", r.url + "/v2/")
        eq((status, attempts, len(r.requests())), (0, 1, 6))
        has(error, "redirects too often")


@test
def no_redirect_to_another_kind_of_url(w):
    with FakeRegistry() as r:
        for to in ("file:///etc/passwd", "ftp://127.0.0.1/", "http://u:p@127.0.0.1/", "https://"):
            r.fault("redirect", to=to)
            status, attempts, _, _, error = w.web("GET", r.url + "/v2/")
            eq((to, status, attempts), (to, 0, 1))
            has(error, "redirects to")


@test
def no_redirect_further_inside(w):
    with FakeRegistry() as r:
        for to in ("http://169.254.169.254/latest", "http://10.0.0.1/", "http://[fe80::1]/", "http://[fd00::1]/"):
            r.fault("redirect", to=to)
            status, attempts, _, _, error = w.web("GET", r.url + "/v2/")
            eq((to, status, attempts), (to, 0, 1))
            has(error, "named by an answer: not asked")


@test
def a_delete_is_not_redirected(w):
    with FakeRegistry() as r:
        r.fault("redirect", to="/v2/")
        eq(w.web("DELETE", r.url + "/v2/")[0], 307)
        eq(len(r.requests()), 1)


@test
def a_host_named_by_an_answer(w):
    with FakeRegistry() as r:
        for trusted in ("-", "127.0.0.1:1", "127.0.0.1"):
            status, attempts, _, _, error = w.web("GET", r.url + "/v2/", trusted)
            eq((status, attempts), (0, 1))
            has(error, "a loopback address")
        port = r.host.split(":")[1]
        # The last is a name until it is resolved, which libcurl does by itself (RFC 6761).
        for name in ("localhost", "[::ffff:127.0.0.1]", "registry.localhost"):
            status, attempts, _, _, error = w.web("GET", "http://%s:%s/v2/" % (name, port), "-")
            eq((name, status, attempts), (name, 0, 1))
            has(error, "loopback address")
        eq(r.requests(), [])
        eq(w.web("GET", "http://registry.localhost:%s/v2/" % port)[0], 200)
        eq(w.web("GET", r.url + "/v2/", r.host)[0], 200)


@test
def a_proxy_is_where_the_user_says(w):
    """A plain-HTTP proxy sees the whole URL; it may be on loopback, what it is asked for may not."""
    with FakeRegistry() as proxy:
        w.env["http_proxy"] = proxy.url
        eq(w.web("GET", "http://registry.example/v2/", "-")[0], 200)
        eq(proxy.requests()[0]["path"], "http://registry.example/v2/")
        has(w.web("GET", "http://127.0.0.1:9/v2/", "-")[4], "loopback")
        eq(len(proxy.requests()), 1)


@test
def no_proxy_stands_before_loopback(w):
    with FakeRegistry() as proxy, FakeRegistry() as r:
        w.env.update(http_proxy=proxy.url, all_proxy=proxy.url)
        port = r.host.split(":")[1]
        for host in ("127.0.0.1", "localhost"):
            eq(w.web("GET", "http://%s:%s/v2/" % (host, port))[0], 200)
        eq((len(r.requests()), proxy.requests()), (2, []))


# --- TLS ---------------------------------------------------------------------------


def certificate(w):
    cert, key = os.path.join(w.home, "cert.pem"), os.path.join(w.home, "key.pem")
    subprocess.run(["openssl", "req", "-x509", "-newkey", "ec", "-pkeyopt", "ec_paramgen_curve:P-256", "-nodes",
                    "-keyout", key, "-out", cert, "-days", "2", "-subj", "/CN=fake", "-addext",
                    "subjectAltName=IP:127.0.0.1"], check=True, capture_output=True)
    return cert, key


@test
def certificates_are_checked(w):
    tls = certificate(w)
    with FakeRegistry(tls=tls) as r:
        status, attempts, _, _, error = w.web("GET", r.url + "/v2/")
        eq((status, attempts), (0, 1))
        has(error, r.host, "certificate is not trusted")
        eq(w.web("GET", r.url + "/v2/", options=["--ca", tls[0]])[0], 200)
        port = r.host.split(":")[1]
        has(w.web("GET", "https://localhost:%s/v2/" % port, options=["--ca", tls[0]])[4], "not trusted")
        has(w.web("GET", r.url + "/v2/", options=["--ca", "/nowhere.pem"])[4], "/nowhere.pem")


@test
def no_redirect_from_https_to_http(w):
    tls = certificate(w)
    with FakeRegistry(tls=tls) as r, FakeRegistry() as plain:
        r.fault("redirect", to=plain.url + "/v2/")
        has(w.web("GET", r.url + "/v2/", options=["--ca", tls[0]])[4], "https to http")
        eq(plain.requests(), [])


@test
def a_port_that_speaks_no_tls(w):
    with FakeRegistry() as r:
        got = w.web("GET", "https://%s/v2/" % r.host)
        eq(got[:2], (0, 1))
        has(got[4], "does not speak TLS")


# --- challenges and tokens ---------------------------------------------------------------


@test
def nothing_is_sent_before_it_is_asked_for(w):
    with FakeRegistry("quay") as r:
        r.put("acme/app", "v1")
        w.log_in(r.host)
        eq(state_of(w.look_one(r.host + "/acme/app:v1")), "present")
        eq(sent(r), [("HEAD", None), ("GET", "Basic"), ("HEAD", "Bearer")])
    with FakeRegistry() as r:
        r.put("acme/app", "v1")
        w.log_in(r.host)
        eq(state_of(w.look_one(r.host + "/acme/app:v1")), "present")
        eq(sent(r), [("HEAD", None)])


@test
def anonymous_tokens(w):
    with FakeRegistry("dockerhub") as r:
        digest = r.put("acme/app", "v1")
        eq(w.look_one(r.host + "/acme/app:v1")[:2], ("present", digest))
        eq(sent(r), [("HEAD", None), ("GET", None), ("HEAD", "Bearer")])


@test
def dockerhub_at_another_url(w):
    with FakeRegistry("dockerhub") as r:
        digest = r.put("library/alpine", "3")
        w.log_in("https://index.docker.io/v1/")
        eq(w.look_one("alpine:3", options=["--hub", r.url + "/"])[:2], ("present", digest))
        w.look_one("alpine:3", options=["--hub", r.url + "/mirror/"])
        eq(r.requests()[-1]["path"], "/mirror/v2/library/alpine/manifests/3")
        eq(sent(r)[:3], [("HEAD", None), ("GET", "Basic"), ("HEAD", "Bearer")])


@test
def challenges_of_every_shape(w):
    for how in ("normal", "placeholder", "several", "several-headers", "two-scopes", "basic-first", "odd-case"):
        for field in ("token", "access_token", "both"):
            with FakeRegistry("distribution3", auth="bearer", challenge=how, token_field=field,
                              expires_in=None) as r:
                digest = r.put("acme/app", "v1")
                w.log_in(r.host)
                eq((how, field) + w.look_one(r.host + "/acme/app:v1")[:2], (how, field, "present", digest))
                want = ["repository:acme/app:pull"] + ["repository:other/one:pull"] * (how == "two-scopes")
                eq((how, r.requests()[1]["scopes"]), (how, want))
                eq(r.requests()[1]["path"].count("scope="), len(want))


@test
def a_service_that_reads_the_first_scope(w):
    with FakeRegistry(auth="bearer", challenge="two-scopes", first_scope_only=True) as r:
        r.put("acme/app", "v1")
        eq(state_of(w.look_one(r.host + "/acme/app:v1")), "present")


@test
def a_challenge_without_a_scope(w):
    with FakeRegistry(auth="bearer", challenge="no-scope") as r:
        r.put("acme/app", "v1")
        got = w.look_one(r.host + "/acme/app:v1")
        eq((state_of(got), r.requests()[1]["scopes"], len(r.requests())), ("unknown", [], 3))


@test
def a_401_without_a_challenge(w):
    for how in ("none", "empty"):
        with FakeRegistry(auth="bearer", challenge=how) as r:
            w.log_in(r.host)
            got = w.look_one(r.host + "/acme/app:v1")
            eq((how, got[0], len(r.requests())), (how, "unknown", 1))
            has(got[3], "401", "no way to log in")
            eq("asked as" in got[3], False)  # it was not


@test
def the_scope_is_that_of_the_request(w):
    for profile, scope in (("distribution3", "repository:acme/app:delete"), ("quay", "repository:acme/app:pull,push")):
        with FakeRegistry(profile, auth="bearer") as r:
            r.put("acme/app", "v1")
            w.log_in(r.host)
            eq(w.ask(r.host + "/acme/app", "GET", "manifests/v1", "PUT", "manifests/v2", "DELETE", "manifests/v1"),
               [(200, "", ""), (201, "", ""), (202, "", "")])
            # A token that was got for a pull is not tried for a push.
            eq(sent(r)[:6], [("GET", None), ("GET", "Basic"), ("GET", "Bearer"),
                             ("PUT", None), ("GET", "Basic"), ("PUT", "Bearer")])
            scopes = [q["scopes"][0] for q in r.requests() if "scopes" in q]
            want = ["repository:acme/app:pull", "repository:acme/app:pull,push", scope]
            eq((profile, scopes), (profile, list(dict.fromkeys(want))))


@test
def a_scope_that_the_service_refuses(w):
    """quay's token service answers 400 to "delete": that is no wrong name."""
    with FakeRegistry(auth="bearer", token_actions=["push", "pull", "*"]) as r:
        r.put("acme/app", "v1")
        w.log_in(r.host)
        status, no_access, _ = w.ask(r.host + "/acme/app", "DELETE", "manifests/v1")[0]
        eq(status, 400)
        has(no_access, "the token service", "400 INVALID_REQUEST: Unknown action: delete", "asked as user")


@test
def tokens_are_kept(w):
    with FakeRegistry(auth="bearer") as r:
        r.put("acme/app", "v1")
        w.log_in(r.host)
        eq([a[0] for a in w.ask(r.host + "/acme/app", *["GET", "manifests/v1"] * 3)], [200] * 3)
        eq(sent(r), [("GET", None), ("GET", "Basic")] + [("GET", "Bearer")] * 3)


@test
def a_kept_token_that_is_refused_is_replaced(w):
    """Harbor answers such a request with another scheme: it starts again without."""
    for profile in ("distribution3", "harbor"):
        with FakeRegistry(profile, auth="bearer") as r:
            r.put("acme/app", "v1")
            w.log_in(r.host)
            r.fault("401", skip=3, body='{"errors":[]}')
            eq([a[0] for a in w.ask(r.host + "/acme/app", *["GET", "manifests/v1"] * 2)], [200, 200])
            eq(sent(r), [("GET", None), ("GET", "Basic"), ("GET", "Bearer"), ("GET", "Bearer"),
                         ("GET", None), ("GET", "Basic"), ("GET", "Bearer")])


@test
def one_token_for_all_that_ask_at_once(w):
    with FakeRegistry(auth="bearer") as r:
        r.put("acme/app", "v1")
        w.log_in(r.host)
        eq([a[0] for a in w.ask(r.host + "/acme/app", *["GET", "manifests/v1"] * 5, how="together")], [200] * 5)
        eq(sent(r).count(("GET", "Basic")), 1)
        r.reset()
        r.set_options({"token_answer": [403, ""]})
        for a in w.ask(r.host + "/acme/app", *["GET", "manifests/v1"] * 5, how="together"):
            has(a[1], "the token service", "403")


@test
def several_repositories_at_once(w):
    with FakeRegistry("dockerhub") as r, FakeRegistry("zot") as z:
        images, want = [], []
        for i in range(20):
            host = (r if i % 2 else z)
            images.append("%s/acme/app%d:v1" % (host.host, i))
            want.append(("present", host.put("acme/app%d" % i, "v1", seed=str(i))))
        eq([got[:2] for got in w.look(*images)], want)


PRIVATE = "10.99.0.1"
IN_OWN_NETWORK = "SIGRELAY_TEST_IN_OWN_NETWORK"


def in_own_network(w, name):
    """Runs that test where PRIVATE is an address of this machine."""
    setup = "ip link set lo up && ip addr add %s/32 dev lo" % PRIVATE
    own = ["unshare", "--user", "--map-root-user", "--net", "sh", "-c"]
    try:
        subprocess.run(own + [setup], check=True, capture_output=True)
    except (OSError, subprocess.CalledProcessError):
        raise Skip("no network namespace can be made here") from None
    again = [sys.executable, os.path.abspath(__file__), "--look", w.program, name]
    p = subprocess.run(own + [setup + ' && exec "$@"', "sh"] + again, env={**os.environ, IN_OWN_NETWORK: "1"},
                       capture_output=True, text=True)
    has(p.stdout, "1 passed, 0 failed, 0 skipped")


def wait_until(condition):
    end = time.monotonic() + 20
    while not condition():
        if time.monotonic() > end:
            raise AssertionError("it did not come to pass")
        time.sleep(0.005)


@test
def a_registry_is_not_flooded(w):
    with FakeRegistry() as r, concurrent.futures.ThreadPoolExecutor() as pool:
        r.fault("stall", times=100)
        images = ["%s/acme/app:v%d" % (r.host, i) for i in range(40)]
        looks = pool.submit(w.look, *images, options=["--attempts", "1"])
        for asked in (16, 32, 40):
            wait_until(lambda n=asked: r.stalls >= n)
            r.release()
        eq(({l[0] for l in looks.result()}, r.most_stalled), ({"unknown"}, 16))


@test
def a_registry_that_hangs_keeps_no_others_waiting(w):
    with FakeRegistry() as r, FakeRegistry() as other:
        r.fault("stall", times=100)
        digest = other.put("acme/app", "v1")
        images = ["%s/acme/app:v%d" % (r.host, i) for i in range(40)] + [other.host + "/acme/app:v1"]
        looks = w.look(*images, options=["--timeout", "5000", "--deadline", "3000", "--attempts", "1"])
        r.release()
        eq(looks[-1][:2], ("present", digest))


@test
def a_token_for_less_is_refused_once(w):
    with FakeRegistry(auth="bearer", grants_less=True) as r:
        r.put("acme/app", "v1")
        w.log_in(r.host)
        got = w.look_one(r.host + "/acme/app:v1")
        eq((state_of(got), sent(r)), ("unknown", [("HEAD", None), ("GET", "Basic"), ("HEAD", "Bearer")]))
        has(got[3], "no access, or it does not exist", "asked as user")


@test
def a_403_is_no_access(w):
    with FakeRegistry() as r:
        r.fault("403", times=2, body='{"errors":[{"code":"DENIED","message":"no"}]}')
        has(w.look_one(r.host + "/acme/app:v1")[3], "no access, or it does not exist", "403")
        has(w.ask(r.host + "/acme/app", "DELETE", "manifests/v1")[0][1], "403 DENIED: no", "asked without a name")
    with FakeRegistry(auth="bearer") as r:
        r.put("acme/app", "v1")
        w.log_in(r.host)
        r.fault("403", skip=3)
        first, second = w.ask(r.host + "/acme/app", "GET", "manifests/v1", "GET", "manifests/v1")
        eq((first[0], second[0], len(r.requests())), (200, 403, 4))
        has(second[1], "asked as user")


@test
def a_scheme_that_changes_does_not_loop(w):
    with FakeRegistry(auth="bearer", grants_less=True, scheme_changes=True) as r:
        w.log_in(r.host)
        eq(state_of(w.look_one(r.host + "/acme/app:v1")), "unknown")
        eq(len(r.requests()), 3)


@test
def basic(w):
    with FakeRegistry("ecr") as r:
        digest = r.put("acme/app", "v1")
        got = w.look_one(r.host + "/acme/app:v1")
        eq((state_of(got), len(r.requests())), ("unknown", 1))
        has(got[3], "wants a name and a password", "docker login")
        r.reset()
        w.log_in(r.host)
        eq(w.look_one(r.host + "/acme/app:v1")[:2], ("present", digest))
        eq(sent(r), [("HEAD", None), ("HEAD", "Basic")])
        r.reset()
        w.log_in(r.host, "user", "wrong")
        eq((state_of(w.look_one(r.host + "/acme/app:v1")), len(r.requests())), ("unknown", 2))


@test
def an_identity_token(w):
    for status, want in ((200, [("HEAD", None), ("POST", None), ("HEAD", "Bearer")]),
                         (404, [("HEAD", None), ("POST", None), ("GET", "Basic"), ("HEAD", "Bearer")]),
                         (405, [("HEAD", None), ("POST", None), ("GET", "Basic"), ("HEAD", "Bearer")])):
        with FakeRegistry("acr", private=["."], identity={"refresh+me/&=": "user"}, token_post=status) as r:
            digest = r.put("acme/app", "v1")
            w.log_in(r.host, "00000000-0000-0000-0000-000000000000", "", identitytoken="refresh+me/&=")
            eq((status,) + w.look_one(r.host + "/acme/app:v1")[:2], (status, "present", digest))
            eq((status, sent(r)), (status, want))


@test
def a_ready_token(w):
    with FakeRegistry(auth="bearer", private=["."], bearer={"ready": "user"}) as r:
        digest = r.put("acme/app", "v1")
        w.log_in(r.host, None, registrytoken="ready")
        eq(w.look_one(r.host + "/acme/app:v1")[:2], ("present", digest))
        eq(sent(r), [("HEAD", None), ("HEAD", "Bearer")])
        w.log_in(r.host, None, registrytoken="stale")
        got = w.look_one(r.host + "/acme/app:v1")
        eq(state_of(got), "unknown")
        has(got[3], "asked with the token that is configured")


@test
def a_token_service_that_fails(w):
    for status, body, words in ((401, '{"details":"incorrect username or password"}', "incorrect username or password"),
                                (403, '{"errors":[{"code":"DENIED","message":"denied"}]}', "403 DENIED: denied"),
                                (404, '{"errors":[{"code":"NAME_UNKNOWN","message":"x"}]}', "404 NAME_UNKNOWN"),
                                (400, "", "400"), (500, "", "500"), (401, '{"token":"abc"}', "401"),
                                (200, "<html>", "without a token"),
                                (200, '{"token":""}', "without a token"), (200, '{"token":7}', "without a token"),
                                (200, '{"token":"a\\r\\nX: y"}', "without a token")):
        with FakeRegistry(auth="bearer", token_answer=[status, body]) as r:
            r.put("acme/app", "v1")
            got = w.look_one(r.host + "/acme/app:v1")
            eq((status, body, got[0]), (status, body, "unknown"))
            has(got[3], "the token service " + r.host, words)
            eq((status, body, len(r.requests())), (status, body, 5 if status == 500 else 2))


@test
def a_token_service_that_fails_for_a_moment(w):
    for fault in ("503", "429", "close", "half"):
        with FakeRegistry(auth="bearer") as r:
            digest = r.put("acme/app", "v1")
            r.fault(fault, path="^/token", times=2)
            eq((fault,) + w.look_one(r.host + "/acme/app:v1")[:2], (fault, "present", digest))


@test
def a_token_answer_past_its_maximum(w):
    with FakeRegistry(auth="bearer", token_answer=[200, '{"token":"%s"}' % ("x" * 70000)]) as r:
        has(w.look_one(r.host + "/acme/app:v1")[3], "larger than 64 KiB")
    with FakeRegistry(auth="bearer", token_answer=[200, '{"token":"%s"}' % ("x" * 60000)]) as r:
        has(w.look_one(r.host + "/acme/app:v1")[3], "no access", "401")


@test
def a_private_registry_names_a_private_token_service(w):
    """As one company's network has them: nothing is reached that the registry could not reach."""
    if IN_OWN_NETWORK not in os.environ:
        in_own_network(w, "a_private_registry_names_a_private_token_service")
        return
    with FakeRegistry(listen=(PRIVATE, 0)) as tokens, \
            FakeRegistry(listen=(PRIVATE, 0), auth="bearer", realm=tokens.url + "/token") as r:
        tokens.tokens = r.tokens
        digest = r.put("acme/app", "v1")
        tokens.put("acme/app", "v1")
        options = ["--insecure", r.host]
        eq(w.look_one(r.host + "/acme/app:v1", options=options)[:2], ("present", digest))
        eq(sent(tokens), [("GET", None)])
        r.set_options({"realm": "http://127.0.0.1:%s/token" % tokens.host.split(":")[1]})
        has(w.look_one(r.host + "/acme/app:v1", options=options)[3], "a loopback address")


@test
def realms_that_are_not_asked(w):
    with FakeRegistry() as inside:
        for realm, words in (("http://169.254.169.254/token", "link-local"), ("http://10.0.0.1/token", "private"),
                             ("http://[::ffff:10.0.0.1]/token", "private"), (inside.url + "/token", "loopback"),
                             ("http://localhost:%s/token" % inside.host.split(":")[1], "loopback"),
                             ("ftp://127.0.0.1/token", "no https URL"), ("/token", "no https URL"),
                             ("http://u:p@127.0.0.1/token", "no https URL")):
            with FakeRegistry(auth="bearer", realm=realm) as r:
                w.log_in(r.host)
                got = w.look_one(r.host + "/acme/app:v1")
                eq((realm, got[0], len(r.requests())), (realm, "unknown", 1))
                has(got[3], words)
        eq(inside.requests(), [])


@test
def a_realm_by_plain_http_of_a_tls_registry(w):
    tls = certificate(w)
    with FakeRegistry() as plain, FakeRegistry("dockerhub", tls=tls, realm=plain.url + "/token") as r:
        w.log_in("https://index.docker.io/v1/")
        got = w.look_one("alpine:3", options=["--ca", tls[0], "--hub", r.url])
        eq(state_of(got), "unknown")
        has(got[3], "plain http")
        eq(plain.requests(), [])


@test
def a_realm_with_a_query(w):
    with FakeRegistry(auth="bearer") as r:
        r.set_options({"realm": r.url + "/token?a=b#part"})
        r.put("acme/app", "v1")
        eq(state_of(w.look_one(r.host + "/acme/app:v1")), "present")
        has(r.requests()[1]["path"], "/token?a=b&service=fake&scope=repository%3Aacme%2Fapp%3Apull")


@test
def a_redirect_of_the_token_service(w):
    with FakeRegistry(auth="bearer") as r, FakeRegistry() as inside:
        r.fault("redirect", path="^/token", to=inside.url + "/token")
        w.log_in(r.host)
        got = w.look_one(r.host + "/acme/app:v1")
        eq((state_of(got), inside.requests()), ("unknown", []))
        has(got[3], "loopback")


@test
def paging_by_link(w):
    with FakeRegistry(auth="bearer", page=2) as r:
        for i in range(3):
            r.put("acme/app", "v%d" % i)
        eq([a[0] for a in w.ask(r.host + "/acme/app", "GET", "tags/list?n=1000", "GET",
                                "/v2/acme/app/tags/list?last=v1&n=2")], [200, 200])
        eq([q["path"] for q in r.requests()][-2:],
           ["/v2/acme/app/tags/list?n=1000", "/v2/acme/app/tags/list?last=v1&n=2"])


@test
def an_insecure_registry_is_asked_over_plain_http(w):
    with FakeRegistry() as r:
        digest = r.put("acme/app", "v1")
        port = r.host.split(":")[1]
        host = "0.0.0.0:" + port  # leads to loopback, and is no loopback domain
        eq(w.look_one(host + "/acme/app:v1", options=["--insecure", host])[:2], ("present", digest))
        has(w.look_one(host + "/acme/app:v1")[3], "does not speak TLS")


@test
def no_secret_is_printed(w):
    with FakeRegistry("ghcr", private=["."], users={"user": "hunter2secret"}) as r:
        w.log_in(r.host, "user", "hunter2wrong")
        for line in (w.look_one(r.host + "/acme/app:v1"), w.ask(r.host + "/acme/app", "DELETE", "manifests/v1")[0]):
            if "hunter2" in repr(line) or base64.b64encode(b"user:hunter2wrong").decode() in repr(line):
                raise AssertionError(line)
        has(repr(r.requests()), "Basic")


@test
def a_helper_that_fails_is_no_anonymous_request(w):
    with FakeRegistry(auth="bearer") as r:
        r.put("acme/app", "v1")
        with open(os.path.join(w.home, "config.json"), "w") as f:
            json.dump({"credHelpers": {r.host: "not-there"}}, f)
        got = w.look_one(r.host + "/acme/app:v1")
        eq((state_of(got), len(r.requests())), ("unknown", 1))
        has(got[3], "not-there")


def run_one(program, f):
    """("ok", "not ok" or "skip", what went wrong or is missing)"""
    w = World(program)
    try:
        f(w)
        return "ok", ""
    except Skip as e:
        return "skip", str(e)
    except Exception:  # any: the next test goes on
        return "not ok", traceback.format_exc().strip()
    finally:
        w.close()


def main():
    p = argparse.ArgumentParser()
    p.add_argument("--look", required=True)
    p.add_argument("tests", nargs="*")
    args = p.parse_args()
    program = os.path.abspath(args.look)
    chosen = [f for f in TESTS if not args.tests or f.__name__ in args.tests]
    count = {"ok": 0, "not ok": 0, "skip": 0}
    with concurrent.futures.ThreadPoolExecutor(max_workers=4) as pool:
        for f, (how, why) in zip(chosen, pool.map(lambda f: run_one(program, f), chosen)):
            count[how] += 1
            if how == "skip":
                print("ok - %s # skip: %s" % (f.__name__, why), flush=True)
                continue
            print("%s - %s" % (how, f.__name__), flush=True)
            if why:
                print("    " + why.replace("\n", "\n    "), flush=True)
    print("%d passed, %d failed, %d skipped" % (count["ok"], count["not ok"], count["skip"]))
    return 1 if count["not ok"] or not chosen else 0


if __name__ == "__main__":
    sys.exit(main())
