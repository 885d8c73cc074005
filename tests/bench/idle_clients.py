#!/usr/bin/env python3
"""What a client that is connected and idle costs the relay, in plain HTTP and over mutual TLS.

    tests/bench/idle_clients.py SIGRELAY [CLIENTS]    a release build
"""
import os
import re
import resource
import socket
import sys
import tempfile

sys.path.insert(0, os.path.join(os.path.dirname(os.path.abspath(__file__)), "..", "scenario"))
sys.dont_write_bytecode = True

from lib.world import World  # noqa: E402


def resident(pid):
    with open(f"/proc/{pid}/status", encoding="ascii") as f:
        return int(re.search(r"VmRSS:\s+(\d+)", f.read()).group(1))


def connect(world, context, n):
    held = []
    for _ in range(n):
        s = socket.create_connection(world.address)
        if context:
            s = context.wrap_socket(s, server_hostname="127.0.0.1")
        s.sendall(b"GET /api/v1/log/publicKey HTTP/1.1\r\nHost: relay\r\n\r\n")
        answer = b""
        while b"END PUBLIC KEY" not in answer:
            answer += s.recv(65536)
        held.append(s)
    return held


def measure(binary, mutual, n):
    with tempfile.TemporaryDirectory(prefix="idle-") as folder:
        world = World(binary, folder)
        world.settings = {"rate_limit": "0"}
        context = None
        try:
            if mutual:
                world.speak_tls(True)
                context = world.authority.context(world.identity)
            world.start_log()
            world.start_relay()
            first = connect(world, context, 100)  # what is there once is not counted
            before = resident(world.relay.p.pid)
            more = connect(world, context, n)
            after = resident(world.relay.p.pid)
            for s in first + more:
                s.close()
            return (after - before) / n
        finally:
            world.kill()


def main():
    binary, n = os.path.abspath(sys.argv[1]), int(sys.argv[2]) if sys.argv[2:] else 2000
    resource.setrlimit(resource.RLIMIT_NOFILE, (resource.getrlimit(resource.RLIMIT_NOFILE)[1],) * 2)
    for mutual in (False, True):
        print(f"{'mutual TLS' if mutual else 'plain HTTP'}: {measure(binary, mutual, n):.1f} KiB for each of {n}")


if __name__ == "__main__":
    main()
