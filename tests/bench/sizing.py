#!/usr/bin/env python3
"""What the relay's memory goes into, and what a fleet's needs: the figures of docs/operations.md.

    tests/bench/sizing.py SIGRELAY [COUNT]    a release build; COUNT of each, 2000

Each figure is the growth of the resident set over COUNT more of the same, a first
hundred apart: what is there once is not counted.
"""
import os
import re
import resource
import socket
import sys
import tempfile

sys.path.insert(0, os.path.join(os.path.dirname(os.path.abspath(__file__)), "..", "scenario"))
sys.dont_write_bytecode = True

from lib.world import World, until  # noqa: E402

JOBS = 10000  # max_clients, max_parked and memory_entries as they are by default
BODY = 1.0  # KiB of a create
ANSWER = 6.0  # KiB of the public log's, for an entry with a certificate
ON_THE_WAY = 3 * 128  # max_attempts_in_flight for three services


def resident(world):
    with open(f"/proc/{world.relay.p.pid}/status", encoding="ascii") as f:
        return int(re.search(r"VmRSS:\s+(\d+)", f.read()).group(1))


def request(method, target, body=b""):
    length = f"Content-Type: application/json\r\nContent-Length: {len(body)}\r\n" if body else ""
    return f"{method} {target} HTTP/1.1\r\nHost: relay\r\n{length}\r\n".encode() + body


class Crowd:
    """Connections that stay open, each after one request."""

    def __init__(self, world):
        self.world = world
        self.context = world.authority.context(world.identity) if world.authority else None
        self.held = []

    def say(self, data):
        s = socket.create_connection(self.world.address)
        s.setsockopt(socket.IPPROTO_TCP, socket.TCP_NODELAY, 1)  # or each handshake is two waits of 40 ms
        if self.context:
            s = self.context.wrap_socket(s, server_hostname="127.0.0.1")
        s.sendall(data)
        self.held.append(s)
        return s

    def ask(self, data):
        s, answer = self.say(data), b""
        while b"\r\n\r\n" not in answer:
            answer += s.recv(65536)
        head, body = answer.split(b"\r\n\r\n", 1)
        length = int(re.search(rb"(?i)content-length: (\d+)", head).group(1))
        while len(body) < length:
            body += s.recv(65536)
        return head, body


def idle_clients(world, crowd, n):
    for _ in range(n):
        crowd.ask(request("GET", "/api/v1/log/publicKey"))


def on_the_way(world, crowd, n):
    first = len(crowd.held)
    for i in range(first, first + n):
        crowd.say(request("GET", f"/api/v1/log/entries?logIndex={i}"))
    until(lambda: world.metric("sigrelay_in_flight") - world.metric("sigrelay_parked") == first + n,
          "all to be on their way")


def parked(world, crowd, n):
    first = len(crowd.held)
    for i in range(first, first + n):
        body = b'{"kind":"hashedrekord","n":"%d","pad":"' % i
        crowd.say(request("POST", "/api/v1/log/entries", body.ljust(int(BODY * 1024) - 2, b"x") + b'"}'))
    until(lambda: world.metric("sigrelay_parked") >= first + n - 1, "all to be parked")


def remembered(world, crowd, n):
    certificate = world.pen().certificate(3600)
    s = socket.create_connection(world.address)
    for _ in range(n):
        entry = world.pen().entry(world.tree_id, certificate)
        s.sendall(request("POST", "/api/v1/log/entries", entry.posted))
        answer = b""
        while not answer.endswith(b"}\n") and not answer.endswith(b"}"):
            answer += s.recv(65536)
        if not answer.startswith(b"HTTP/1.1 201"):
            raise SystemExit(f"sizing.py: the log answers {answer[:200]!r}")
        world.answer = len(answer.split(b"\r\n\r\n", 1)[1]) / 1024
    s.close()


def measure(binary, what, n, rules=(), **settings):
    """KiB for one of n; and of the process before the first."""
    with tempfile.TemporaryDirectory(prefix="sizing-") as folder:
        world = World(binary, folder)
        try:
            world.rules = list(rules)
            if settings.pop("mutual", False):
                world.speak_tls(True)
            if settings.pop("over_tls", False):
                world.outer_settings = {"rate_limit": "0", "max_attempts_in_flight": "100000"}
            world.settings.update(rate_limit="0", **settings)
            world.start_log()
            world.start_relay()
            idle = resident(world)
            crowd = Crowd(world)
            what(world, crowd, 100)
            before = resident(world)
            what(world, crowd, n)
            each = (resident(world) - before) / n
            return each - (world.answer if what is remembered else 0), idle
        finally:
            world.kill()


def main():
    binary, n = os.path.abspath(sys.argv[1]), int(sys.argv[2]) if sys.argv[2:] else 2000
    resource.setrlimit(resource.RLIMIT_NOFILE, (resource.getrlimit(resource.RLIMIT_NOFILE)[1],) * 2)
    boundless = {"max_attempts_in_flight": "100000", "attempt_timeout": "10m"}
    plain, idle = measure(binary, idle_clients, n)
    mutual, _ = measure(binary, idle_clients, n, mutual=True)
    line, _ = measure(binary, parked, n, rekor_url="http://127.0.0.1:1", probe_interval="60s")
    sent, _ = measure(binary, on_the_way, min(n, 700), ["query 100000 hold"], **boundless)
    sent_tls, _ = measure(binary, on_the_way, min(n, 700), ["query 100000 hold"], over_tls=True, **boundless)
    entry, _ = measure(binary, remembered, n)
    print(f"the process, idle: {idle / 1024:.0f} MiB")
    print(f"a client that is connected and idle: {plain:.1f} KiB; over mutual TLS {mutual:.1f} KiB")
    print(f"a request that is parked: {line - BODY:.1f} KiB beside its body")
    print(f"a request on its way upstream: {sent:.0f} KiB; to a TLS upstream {sent_tls:.0f} KiB")
    print(f"a remembered entry: {entry:.1f} KiB beside the log's answer")
    # What is parked has a connection in plain HTTP in it.
    total = idle + JOBS * (mutual - plain + line + ANSWER + entry) + ON_THE_WAY * sent_tls
    print(f"{JOBS} jobs over mutual TLS, parked with bodies of {BODY:.0f} KiB, as many entries of {ANSWER:.0f} KiB "
          f"remembered, {ON_THE_WAY} requests on their way over TLS: {total / 1024:.0f} MiB")


if __name__ == "__main__":
    main()
