#!/usr/bin/env python3
"""Once a certificate request is over, nothing of its token is left in the relay's memory.

    tokens.py --sigrelay BIN [NAME…]

Reads all that is writable in the memory of `sigrelay serve`, as root; skipped
where that is not allowed. Each test is done over plain HTTP and over TLS; a
sanitizer's build keeps freed memory for its own purposes: use one without.
"""
import argparse
import os
import re
import shutil
import sys
import tempfile
import traceback

HERE = os.path.dirname(os.path.abspath(__file__))
sys.path[:0] = [HERE, os.path.join(HERE, "..", "scenario")]
sys.dont_write_bytecode = True

from lib.world import World, until  # noqa: E402

PIECE = 24  # characters of a signature that are not found by chance


def writable(pid):
    """What the process can write to, region by region."""
    with open(f"/proc/{pid}/maps", encoding="utf-8") as maps, open(f"/proc/{pid}/mem", "rb") as memory:
        for line in maps:
            m = re.match(r"([0-9a-f]+)-([0-9a-f]+) rw", line)
            if not m or "[vvar]" in line:
                continue
            begin, end = (int(x, 16) for x in m.groups())
            memory.seek(begin)
            try:
                yield line.split()[-1], memory.read(end - begin)
            except OSError:
                pass  # gone since


def found(pid, token):
    """Where a piece of the token's signature stands, and what stands around it."""
    signature = token.split(".")[-1].encode()
    pieces = [signature[i:i + PIECE] for i in range(0, len(signature) - PIECE + 1, PIECE)]
    places = []
    for name, data in writable(pid):
        for piece in pieces:
            at = data.find(piece)
            if at >= 0:
                places.append(f"{name}: …{data[max(0, at - 60):at]!r} + a piece")
    return places


class Case:
    def __init__(self, world):
        self.w = world
        self.pid = world.relay.p.pid
        self.c = world.client("c")
        self.token = world.token()

    def request(self, v1=False, chunked=False):
        pen, headers = self.w.pen(), ["Content-Type: application/json"]
        if v1:
            headers.append(f"Authorization: Bearer {self.token}")
        body = pen.certificate_request_v1() if v1 else pen.certificate_request(self.token)
        target = "/api/v1/signingCert" if v1 else "/api/v2/signingCert"
        if chunked:
            head = "\r\n".join([f"POST {target} HTTP/1.1", "Host: a", "Transfer-Encoding: chunked", *headers])
            return head.encode() + b"\r\n\r\n" + b"".join(
                b"%x\r\n%s\r\n" % (len(body[i:i + 100]), body[i:i + 100]) for i in range(0, len(body), 100)) + b"0\r\n\r\n"
        head = "\r\n".join([f"POST {target} HTTP/1.1", "Host: a", f"Content-Length: {len(body)}", *headers])
        return head.encode() + b"\r\n\r\n" + body

    def is_held(self):
        """The token is there as long as it is needed: or the search finds nothing ever."""
        until(lambda: found(self.pid, self.token), "the token to be in the relay's memory")

    def is_gone(self):
        until(lambda: not found(self.pid, self.token) or self.w.relay.p.poll() is not None,
              "the token to be gone from the relay's memory", 6)

    def recv(self, *statuses):
        answer = self.c.receive()
        if answer.status not in statuses:
            raise AssertionError(f"answered {answer}")

    # ---- the tests ----
    def answered(self):
        self.c.raw(self.request())
        self.recv(200, 201)

    def answered_v1(self):
        self.c.raw(self.request(v1=True))
        self.recv(200, 201)

    def in_chunks(self):
        self.c.raw(self.request(chunked=True))
        self.recv(200, 201)

    def answered_after_faults(self):
        self.w.control("POST", "script", "sign 1 status 502\nsign 1 reset\nsign 1 junk\n")
        self.c.raw(self.request())
        self.recv(200, 201)

    def held(self):
        self.w.control("POST", "script", "sign hold\n")
        self.c.raw(self.request())
        self.w.control("GET", "wait?held=1")
        self.is_held()
        self.w.control("POST", "release")
        self.recv(200, 201)

    def left_while_held(self):
        self.w.control("POST", "script", "sign stall\n")
        self.c.raw(self.request(v1=True))
        self.w.control("GET", "wait?stalled=1")
        self.is_held()
        self.c.close()

    def left_in_the_body(self):
        self.c.raw(self.request()[:-30])
        self.is_held()
        self.c.close()

    def left_in_the_head(self):
        head = self.request(v1=True).split(b"\r\n\r\n")[0]
        self.c.raw(head)
        self.is_held()
        self.c.close(reset=True)

    def refused(self):
        self.c.raw(self.request(v1=True).replace(b"Host: a", b"Host: a\r\nHost: b"))
        self.recv(400)


CASES = ("answered", "answered_v1", "in_chunks", "answered_after_faults", "held", "left_while_held",
         "left_in_the_body", "left_in_the_head", "refused")


def run(binary, name, tls):
    folder = tempfile.mkdtemp(prefix=f"tokens-{name}-")
    world = World(binary, folder)
    case = None
    try:
        if tls:
            world.speak_tls(mutual=False)
        world.settings.update(backoff_base="20ms", log_level="debug")
        world.start_log()
        world.start_relay()
        case = Case(world)
        getattr(case, name)()
        case.is_gone()
        world.leave()
    except AssertionError as e:
        where = found(case.pid, case.token) if case and world.relay.p.poll() is None else []
        return "\n".join([str(e), *where])
    except Exception:  # the harness's own mistake is a failure too, with its place
        return traceback.format_exc()
    finally:
        world.kill()
        shutil.rmtree(folder, ignore_errors=True)
    return ""


def main():
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--sigrelay", required=True, metavar="BIN", type=os.path.abspath)
    parser.add_argument("names", nargs="*", metavar="NAME")
    args = parser.parse_args()
    names = args.names or CASES
    if os.geteuid() != 0:
        print("# not root: the relay's memory cannot be read\n"
              f"0 passed, 0 failed, {2 * len(names)} skipped")
        return 0
    failed = 0
    for name in names:
        for tls in (False, True):
            why = run(args.sigrelay, name, tls)
            failed += bool(why)
            print(f"{'not ok' if why else 'ok'} - {name}{', TLS' if tls else ''}"
                  + "".join(f"\n    {line}" for line in why.splitlines()), flush=True)
    print(f"{2 * len(names) - failed} passed, {failed} failed, 0 skipped")
    return 1 if failed else 0


if __name__ == "__main__":
    sys.exit(main())
