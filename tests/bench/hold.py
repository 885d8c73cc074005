#!/usr/bin/env python3
"""Holds requests open: hold.py PORT COUNT [CREATE].

Sends COUNT requests, each on a connection of its own, prints "held COUNT" when
all are sent, and keeps them until its standard input ends. They are searches of
the log's index; with CREATE, a file with %s for the hash, distinct entries. An
answer in the meantime is a failure: what is measured would not be a held
request."""
import select
import socket
import sys

SEARCH = '{"hash":"sha256:c7c5c1d70c5dec4416ab6158afd0b223ef40c29b1dc1f97ed9428b94d4cadb1c"}'


def request(path, body):
    return (
        f"POST {path} HTTP/1.1\r\nHost: rekor.bench\r\n"
        f"User-Agent: bench\r\nAccept: application/json\r\n"
        f"Content-Type: application/json\r\nContent-Length: {len(body)}\r\n\r\n{body}"
    ).encode()


def main():
    port, count = int(sys.argv[1]), int(sys.argv[2])
    create = open(sys.argv[3], encoding="ascii").read() if len(sys.argv) > 3 else None
    held = []
    for i in range(count):
        s = socket.create_connection(("127.0.0.1", port), timeout=10)
        s.sendall(request("/api/v1/log/entries", create % f"{i:064x}") if create else
                  request("/api/v1/index/retrieve", SEARCH))
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
