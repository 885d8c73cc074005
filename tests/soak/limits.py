#!/usr/bin/env python3
"""At its limits the relay says 503 or hangs up, and serves again when there is room.

    limits.py --sigrelay BIN [NAME…]

max_parked, max_parked_memory, max_body and the size of a head are scenarios
(tests/scenario). Here are the limits of the process: connections, descriptors,
memory, and the time that passes while it is stopped or the clock is set.
"""
import argparse
import http.client
import json
import os
import resource
import select
import shutil
import signal
import socket
import subprocess
import sys
import tempfile
import time
import traceback

HERE = os.path.dirname(os.path.abspath(__file__))
sys.path[:0] = [HERE, os.path.join(HERE, "..", "scenario")]
sys.dont_write_bytecode = True

from lib.client import Client, Closed  # noqa: E402
from lib.world import World, until  # noqa: E402

SPARE = 32  # connections beyond max_clients that may say nothing
ADMIN = 16  # connections to the admin listener


class Skip(Exception):
    pass


def want(condition, what):
    if not condition:
        raise AssertionError(what)


def files(world):
    return len(os.listdir(f"/proc/{world.relay.p.pid}/fd"))


def connect(world):
    return socket.create_connection(world.address, timeout=10)


def post(client, entry, headers=()):
    client.send("POST", "/api/v1/log/entries", ["Content-Type: application/json", *headers], entry.posted)


def serves(world, name):
    """A create, from a client of its own."""
    client = world.client(name)
    post(client, world.entry(name))
    answer = client.receive()
    want(answer.status == 201, f"{name} was answered {answer}")
    client.close()


def said(sock):
    """What the relay said before it closed."""
    data = b""
    sock.settimeout(10)
    try:
        while more := sock.recv(4096):
            data += more
    except OSError:
        pass
    return data


def limited(world, soft, hard):
    path = os.path.join(world.folder, "limited")
    with open(path, "w", encoding="ascii") as f:
        f.write(f'#!/bin/sh\nulimit -Sn {soft} && ulimit -Hn {hard} && exec "{world.binary}" "$@"\n')
    os.chmod(path, 0o755)
    world.binary = path


# ---- the tests: each starts the relay itself ----
def silent_crowd(w, tls=False):
    """Those who say nothing keep nobody out."""
    if tls:
        w.speak_tls(mutual=False)
    w.settings.update(max_clients="20", header_timeout="60s")
    w.start_relay()
    before = files(w)
    crowd = [connect(w) for _ in range(120)]
    serves(w, "amid")
    until(lambda: files(w) <= before + 20 + SPARE, f"at most {20 + SPARE} connections to be open")
    closed = [s for s in crowd if select.select([s], [], [], 0)[0]]
    want(len(closed) >= 120 - 20 - SPARE, f"{len(closed)} were closed")
    want(set(closed) == set(crowd[:len(closed)]), "others than the oldest were closed")
    if not tls:
        words = said(closed[0])
        want(words.startswith(b"HTTP/1.1 503 ") and b"\r\nRetry-After: 5\r\n" in words, f"its last word was {words!r}")
    for s in crowd:
        s.close()
    until(lambda: files(w) <= before + 1, "the crowd's descriptors to be closed")
    serves(w, "after")


def silent_crowd_tls(w):
    silent_crowd(w, tls=True)


def crowd_that_speaks(w):
    """One byte is enough to be a client: the next one is told, and served when they are gone."""
    w.settings.update(max_clients="20", header_timeout="1s")
    w.start_relay()
    crowd = [connect(w) for _ in range(20)]
    for s in crowd:
        s.sendall(b"P")
    c = w.client("c")

    def told():
        c.close()
        c.send("GET", "/api/v1/log")
        return c.receive().status == 503
    until(told, "a client to be told that there are too many")
    want(c.answer.header("retry-after") == "5" and b"max_clients" in c.answer.body, f"it was told {c.answer}")
    for s in crowd:
        want(said(s).startswith(b"HTTP/1.1 408 "), "no 408")
        s.close()
    serves(w, "after")


def refused_who_stay(w):
    """Who is refused and goes on sending is heard for two seconds, takes nobody's place, and is let go."""
    w.settings.update(max_clients="20")
    w.start_relay()
    before = files(w)
    crowd = [connect(w) for _ in range(40)]
    for s in crowd:
        s.sendall(b"GARBAGE\r\n\r\n")
    for s in crowd:
        want(said(s).startswith(b"HTTP/1.1 400 "), "no 400")
        s.sendall(b"x" * 100000)  # heard, or the answer could be lost on its way
    serves(w, "amid")
    until(lambda: files(w) <= before + 1, "those who were refused to be let go", 5)
    for s in crowd:
        s.close()


def admin_connection(world):
    return socket.create_connection(("127.0.0.1", world.admin_port), timeout=10)


def asks(sock, path):
    """The status of one answer; the connection stays."""
    sock.sendall(f"GET {path} HTTP/1.1\r\nHost: localhost\r\n\r\n".encode())
    answer = http.client.HTTPResponse(sock)
    answer.begin()
    answer.read()
    return answer.status


def admin_crowd(w):
    """Who holds connections to the admin listener keeps no probe out, and no client's descriptor."""
    w.settings.update(header_timeout="60s")
    w.start_relay()
    before = files(w)
    for crowd in ([admin_connection(w) for _ in range(60)], [admin_connection(w) for _ in range(60)]):
        for path in ("/readyz", "/healthz", "/metrics"):
            s = admin_connection(w)
            want(asks(s, path) == 200, f"{path} amid the crowd")
            s.close()
        until(lambda: files(w) <= before + ADMIN, f"at most {ADMIN} connections to be open")
        silent = [said(s) for s in crowd if select.select([s], [], [], 0)[0]]
        want(len(silent) >= 60 - ADMIN and all(b"Retry-After" in words for words in silent), f"{silent[:3]}")
    # Those that were answered before are quiet, too, and go without a word.
    crowd = []
    for _ in range(60):
        crowd.append(admin_connection(w))
        want(asks(crowd[-1], "/healthz") == 200, "a probe in the crowd")
    until(lambda: files(w) <= before + ADMIN, f"at most {ADMIN} connections to be open")
    gone = [said(s) for s in crowd if select.select([s], [], [], 0)[0]]
    want(len(gone) >= 60 - ADMIN and not any(gone), f"{gone[:3]}")
    last = admin_connection(w)
    want(asks(last, "/metrics") == 200, "/metrics amid those")
    serves(w, "amid")


def admin_burst(w):
    """So many who ask in one moment are answered; the others are told to come back, probes never."""
    w.start_relay()
    os.kill(w.relay.p.pid, signal.SIGSTOP)
    crowd = [(admin_connection(w), path) for path in ["/metrics"] * 60 + ["/readyz"] * 20]
    for s, path in crowd:
        s.sendall(f"GET {path} HTTP/1.1\r\nHost: localhost\r\n\r\n".encode())
    os.kill(w.relay.p.pid, signal.SIGCONT)
    statuses = {"/metrics": [], "/readyz": []}
    for s, path in crowd:
        answer = http.client.HTTPResponse(s)
        answer.begin()
        answer.read()
        statuses[path].append(answer.status)
        want(answer.status == 200 or answer.headers["Retry-After"], str(answer.headers))
    told, good = statuses["/metrics"].count(503), statuses["/metrics"].count(200)
    want(good >= ADMIN and told + good == 60, f"{good} answers, {told} 503")
    want(statuses["/readyz"] == [200] * 20, f"probes: {statuses['/readyz']}")
    want(asks(admin_connection(w), "/metrics") == 200, "/metrics after the burst")
    return f"{good} of 60 answered at once"


def admin_slow(w):
    """A head that does not end ends the connection, the first and the second of one."""
    w.settings.update(header_timeout="1s")
    w.start_relay()
    first, second, silent = (admin_connection(w) for _ in range(3))
    first.sendall(b"GET /metrics HTTP/1.1\r\nHost: loc")
    want(asks(second, "/healthz") == 200, "the first request of two")
    second.sendall(b"GET")
    for s in (first, second):
        want(said(s).startswith(b"HTTP/1.1 408 "), "no 408")
    want(said(silent) == b"", "a silent one was told something")
    want(len(w.lines("refused", "status=408")) == 2, w.relay.err())


def few_descriptors(w):
    """Silent connections leave descriptors for clients and upstreams."""
    limited(w, 64, 80)
    w.start_relay()
    want(w.lines("max_clients_lowered"), "it does not say that max_clients is lowered")
    crowd = [connect(w) for _ in range(300)]
    serves(w, "amid")
    want(files(w) <= 80 - 20, f"{files(w)} of 80 descriptors are in use")
    for s in crowd:
        s.close()
    serves(w, "after")


def little_memory(w):
    """Allocations fail, of bodies: 503 or a hang-up, never a crash; then all is as before."""
    return starved(w, 60, 1 << 20)


def little_memory_for_many(w):
    """Allocations fail, of everything that a small request needs."""
    return starved(w, 900, 16000)


def starved(w, count, size):
    if sanitized(w.binary):
        raise Skip("a sanitizer's build reserves terabytes of address space")
    w.settings.update(retry_for="10s", log_level="warn")
    w.start_relay()
    serves(w, "before")
    pid = w.relay.p.pid
    with open(f"/proc/{pid}/statm", encoding="ascii") as f:
        used = int(f.read().split()[0]) * resource.getpagesize()
    old = resource.prlimit(pid, resource.RLIMIT_AS)
    resource.prlimit(pid, resource.RLIMIT_AS, (used + (6 << 20), old[1]))
    w.control("POST", "script", "all always stall\n")
    statuses = crowd_of_bodies(w, count, size)
    want(statuses.get("503") or statuses.get("closed"), f"nobody felt the limit: {statuses}")
    want(w.relay.p.poll() is None, f"it ended with {w.relay.p.returncode}: {w.relay.err()[-500:]}")
    resource.prlimit(pid, resource.RLIMIT_AS, old)
    w.control("POST", "clear")
    w.control("POST", "release")
    until(lambda: w.status("in_flight") == 0, "the held to end", 30)
    serves(w, "after")
    return ", ".join(f"{n} {what}" for what, n in sorted(statuses.items()))


def sanitized(binary):
    with open(binary, "rb") as f:
        return b"__asan_init" in f.read()


def crowd_of_bodies(w, count, size):
    """What each of them came to."""
    clients, statuses = [Client(f"big{i}", w.address) for i in range(count)], {}
    for c in clients:
        body = json.dumps({c.name: "x" * size}).encode()  # the same bytes would join
        try:
            c.send("POST", "/api/v1/log/entries", ["Content-Type: application/json"], body)
        except OSError:
            pass  # seen below
    patience = 3 / count  # they are asked when all have sent
    for c in clients:
        what = "held"
        try:
            if c.sock and select.select([c.sock], [], [], patience)[0]:
                answer = c.receive()
                what = str(answer.status)
                want(answer.status != 503 or answer.header("retry-after"), f"without Retry-After: {answer}")
        except (Closed, OSError):
            what = "closed"
        statuses[what] = statuses.get(what, 0) + 1
    for c in clients:
        c.close()
    return statuses


def stopped(w):
    """Stopped for longer than every wait, and resumed: each is answered once, and the log is not run over."""
    w.settings.update(attempt_timeout="1s", backoff_max="500ms", hedge_after="500ms", lookup_wait="500ms")
    w.start_relay()
    w.control("POST", "script", "create always stall\n")
    clients = [w.client(f"c{i}") for i in range(20)]
    for i, c in enumerate(clients):
        post(c, w.entry(f"e{i}"))
    w.control("GET", "wait?stalled=20")
    w.relay.p.send_signal(signal.SIGSTOP)
    time.sleep(3)  # what is tested is that time passes
    w.control("POST", "clear")
    before = w.control("GET", "state")["create"]
    w.relay.p.send_signal(signal.SIGCONT)
    for c in clients:
        want(c.receive().status == 201, f"{c.name} was answered {c.answer}")
    sent = w.control("GET", "state")["create"] - before
    want(sent <= 60, f"{sent} creates for 20 clients after it was resumed")
    want(w.status("in_flight") == 0 and not w.lines("clock_set"), "in flight still, or the clock was set")
    return f"{sent} creates for 20 clients after it was resumed"


def clock_set(w):
    """A clock that is set forward past a certificate's end: no entry is posted for it any more."""
    shim = clock_shim(w)
    w.settings.update(probe_interval="200ms", probe_max="1s")
    w.start_relay()
    w.control("POST", "script", "create always reset\n")
    key, cert = w.client("key"), w.client("cert")
    post(cert, w.entry("cert", w.pen().certificate(600)))
    post(key, w.entry("key"))
    until(lambda: w.control("GET", "state")["create"] >= 6, "some attempts")
    shim(-3600)
    until(lambda: w.lines("clock_set"), "the step to be seen")
    before = w.control("GET", "state")["create"]
    until(lambda: w.control("GET", "state")["create"] >= before + 3, "attempts to go on")
    want(not select.select([key.sock, cert.sock], [], [], 0)[0], "a clock that is set back ends nothing")
    shim(3600)
    answer = cert.receive()
    want(answer.status == 503 and b"certificate" in answer.body, f"answered {answer}")
    w.control("POST", "clear")
    want(key.receive().status == 201, f"the other one was answered {key.answer}")
    want(w.control("GET", "state")["integrated"] == 1, "an entry was made for a certificate that has ended")


def clock_ahead(w):
    """A machine a quarter of an hour ahead: its certificates end by Sigstore's clock, as they do without the relay."""
    clock_shim(w)(900)
    w.start_relay()
    cert = w.pen().certificate(600)
    early, entry = w.client("early"), w.client("entry")
    post(early, w.entry("early", cert))
    want(early.receive().status == 400, f"nothing is known of another clock yet, and it answered {early.answer}")
    early.send("GET", "/api/v1/log/publicKey")
    want(early.receive().status == 200, f"the key: {early.answer}")
    want(w.lines("clock_differs"), "the difference is not told")
    post(entry, w.entry("entry", cert))
    want(entry.receive().status == 201, f"answered {entry.answer}")
    ahead = w.metric("sigrelay_service_clock_ahead_seconds")
    want(-901 <= ahead <= -890, f"the clocks are {ahead} s apart")


def dumps_core(pid):
    """Lets it write one of any size, and ends it by a signal that does."""
    resource.prlimit(pid, resource.RLIMIT_CORE, (resource.RLIM_INFINITY, resource.RLIM_INFINITY))
    os.kill(pid, signal.SIGSEGV)
    return os.WCOREDUMP(os.waitpid(pid, 0)[1])


def no_core(w):
    """A crash leaves no memory behind."""
    if sanitized(w.binary):
        raise Skip("a sanitizer's build has to read itself")
    if os.geteuid() != 0:
        raise Skip("not root: the limit cannot be raised")
    other = subprocess.Popen(["sleep", "60"], cwd=w.folder)
    if not dumps_core(other.pid):
        raise Skip("this machine writes no cores")
    w.start_relay()
    want(not dumps_core(w.relay.p.pid), "it wrote a core")


def clock_shim(w):
    """Preloads a clock into the relay; the value of the function is how far it is off, in seconds."""
    if sanitized(w.binary):
        raise Skip("a sanitizer's build does not take a preloaded library")
    compiler = shutil.which("cc") or shutil.which("gcc") or shutil.which("clang")
    if not compiler:
        raise Skip("no C compiler")
    library, off = os.path.join(w.folder, "clock.so"), os.path.join(w.folder, "off")
    subprocess.run([compiler, "-shared", "-fPIC", "-O1", "-o", library, os.path.join(HERE, "clock_shim.c")], check=True)

    def put(seconds):
        with open(off, "r+" if os.path.exists(off) else "w+", encoding="ascii") as f:
            f.write(f"{seconds:<12}")
    put(0)
    path = os.path.join(w.folder, "shimmed")
    with open(path, "w", encoding="ascii") as f:
        f.write(f'#!/bin/sh\nCLOCK_OFF="{off}" LD_PRELOAD="{library}" exec "{w.binary}" "$@"\n')
    os.chmod(path, 0o755)
    w.binary = path
    return put


TESTS = (silent_crowd, silent_crowd_tls, crowd_that_speaks, refused_who_stay, admin_crowd, admin_burst, admin_slow,
         few_descriptors, little_memory, little_memory_for_many, stopped, clock_set, clock_ahead, no_core)


def run(binary, test):
    """(passed, skipped, what is to be said)"""
    folder = tempfile.mkdtemp(prefix=f"limits-{test.__name__}-")
    world, good = World(binary, folder), False
    try:
        world.start_log()
        told = test(world) or ""
        world.leave()
        good = True
        return True, False, told
    except Skip as e:
        good = True
        return False, True, str(e)
    except AssertionError as e:
        return False, False, f"{e}\nlogs: {folder}"
    except Exception:  # the harness's own mistake is a failure too, with its place
        return False, False, f"{traceback.format_exc()}logs: {folder}"
    finally:
        world.kill()
        if good:
            shutil.rmtree(folder, ignore_errors=True)


def main():
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--sigrelay", required=True, metavar="BIN", type=os.path.abspath)
    parser.add_argument("names", nargs="*", metavar="NAME")
    args = parser.parse_args()
    counts = [0, 0, 0]
    for test in (t for t in TESTS if not args.names or t.__name__ in args.names):
        passed, skipped, told = run(args.sigrelay, test)
        counts[0 if passed else 2 if skipped else 1] += 1
        print(f"{'ok' if passed or skipped else 'not ok'} - {test.__name__}{' # skip' if skipped else ''}"
              + "".join(f"\n    {line}" for line in told.splitlines()), flush=True)
    print(f"{counts[0]} passed, {counts[1]} failed, {counts[2]} skipped")
    return 1 if counts[1] or not sum(counts) else 0


if __name__ == "__main__":
    sys.exit(main())
