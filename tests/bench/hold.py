#!/usr/bin/env python3
"""Holds requests open: hold.py PORT COUNT.

Sends COUNT requests, each on a connection of its own, prints "held COUNT" when
all are sent, and keeps them until its standard input ends. An answer in the
meantime is a failure: what is measured would not be a held request."""
import select
import socket
import sys

REQUEST = (
    b"POST /api/v1/index/retrieve HTTP/1.1\r\nHost: rekor.bench\r\n"
    b"User-Agent: bench\r\nAccept: application/json\r\n"
    b"Content-Type: application/json\r\nContent-Length: 82\r\n\r\n"
    b'{"hash":"sha256:c7c5c1d70c5dec4416ab6158afd0b223ef40c29b1dc1f97ed9428b94d4cadb1c"}'
)


def main():
    port, count = int(sys.argv[1]), int(sys.argv[2])
    held = []
    for _ in range(count):
        s = socket.create_connection(("127.0.0.1", port), timeout=10)
        s.sendall(REQUEST)
        held.append(s)
    print("held", count, flush=True)
    sys.stdin.read()
    poll = select.poll()
    for s in held:
        poll.register(s, select.POLLIN)
    answered = len(poll.poll(0))
    print("answered", answered, flush=True)
    sys.exit(1 if answered else 0)


main()
