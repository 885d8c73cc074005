"""What the tests of preflight, pushed and cleanup share: a home of its own for the program, and
the runner. Each ends with "N passed, N failed"."""
import argparse
import base64
import json
import os
import re
import shutil
import socket
import subprocess
import sys
import tempfile
import traceback

HERE = os.path.dirname(os.path.abspath(__file__))
TESTS = []
OTHER = "sha256:" + "0" * 64


def test(f):
    TESTS.append(f)
    return f


def eq(got, wanted, what=""):
    if got != wanted:
        raise AssertionError("%s%r, wanted %r" % (what and what + ": ", got, wanted))


def has(text, *parts):
    for part in parts:
        if part not in text:
            raise AssertionError("%r is not in: %s" % (part, text))


def lacks(text, *parts):
    for part in parts:
        if part in text:
            raise AssertionError("%r is in: %s" % (part, text))


class Bystander:
    """Listens, and answers nobody."""

    def __init__(self):
        self.socket = socket.create_server(("127.0.0.1", 0))
        self.socket.setblocking(False)
        self.url = "http://127.0.0.1:%d" % self.socket.getsockname()[1]

    def __enter__(self):
        return self

    def __exit__(self, *_):
        self.socket.close()

    def was_asked(self):
        try:
            self.socket.accept()[0].close()
        except BlockingIOError:
            return False
        return True


class World:
    """A home of its own, the program, and what it left."""

    def __init__(self, program):
        self.program = program
        self.home = tempfile.mkdtemp(prefix="sigrelay-registry.")
        self.env = {"PATH": os.environ["PATH"], "HOME": self.home, "DOCKER_CONFIG": self.home}
        for name in ("ASAN_OPTIONS", "UBSAN_OPTIONS", "LD_LIBRARY_PATH"):
            if name in os.environ:
                self.env[name] = os.environ[name]
        self.ledger = os.path.join(self.home, "ledger")
        self.out = self.err = ""

    def close(self):
        shutil.rmtree(self.home)

    def path(self, name):
        return os.path.join(self.home, name)

    def text(self, name):
        if not os.path.exists(self.path(name)):
            return ""
        with open(self.path(name), encoding="utf-8") as f:
            return f.read()

    def log_in(self, host, user="user", secret="secret"):
        with open(self.path("config.json"), "w") as f:
            auth = base64.b64encode(("%s:%s" % (user, secret)).encode()).decode()
            json.dump({"auths": {host: {"auth": auth}}}, f)

    def on_github(self):
        self.env.update(GITHUB_ACTIONS="true", GITHUB_OUTPUT=self.path("output"),
                        GITHUB_STEP_SUMMARY=self.path("summary"), GITHUB_RUN_ID="77", GITHUB_RUN_ATTEMPT="2")

    def with_ledger(self, run="r1"):
        self.env.update(SIGRELAY_LEDGER=self.ledger, SIGRELAY_RUN_ID=run)

    def run(self, code, *args):
        p = subprocess.run([self.program, *args], env=self.env, capture_output=True, timeout=60)
        self.out, self.err = p.stdout.decode(), p.stderr.decode()
        if p.returncode != code:
            raise AssertionError("exit %d, wanted %d: %s\n%s%s" % (p.returncode, code, args, self.out, self.err))

    def preflight(self, code, *args):
        self.run(code, "preflight", *args)

    def json(self, code, *args):
        self.run(code, "preflight", "--json", *args)
        eq(self.out.count("\n"), 1)
        return json.loads(self.out)

    def states(self, code, *args):
        """(decision, digest, [(state, digest, reason)])."""
        got = self.json(code, *args)
        return got["decision"], got["digest"], [(i["state"], i["digest"], i["reason"]) for i in got["images"]]

    def outputs(self):
        return dict(line.split("=", 1) for line in self.text("output").splitlines())

    def lines(self):
        text = self.text("ledger")
        if text and not text.endswith("\n"):
            raise AssertionError("torn: " + text[-200:])
        return [json.loads(line) for line in text.splitlines()]

    def on_terminal(self, *args):
        """What it writes on a terminal; the last line says how it ended."""
        return subprocess.run([sys.executable, os.path.join(HERE, "../commands/on_terminal.py"), self.program, *args],
                              env=self.env, capture_output=True, timeout=60).stdout.decode()


def without_time(line):
    if not re.fullmatch(r"\d{4}-\d\d-\d\dT\d\d:\d\d:\d\d\.\d{3}Z", line.pop("time")):
        raise AssertionError("no time: %r" % line)
    return line


def main(world=World):
    p = argparse.ArgumentParser()
    p.add_argument("--sigrelay", required=True)
    p.add_argument("tests", nargs="*")
    args = p.parse_args()
    passed = failed = 0
    for f in TESTS:
        if args.tests and f.__name__ not in args.tests:
            continue
        w = world(os.path.abspath(args.sigrelay))
        try:
            f(w)
            passed += 1
            print("ok - " + f.__name__, flush=True)
        except Exception:  # any: the next test goes on
            failed += 1
            print("not ok - " + f.__name__, flush=True)
            print("    " + traceback.format_exc().strip().replace("\n", "\n    "), flush=True)
        finally:
            w.close()
    print("%d passed, %d failed" % (passed, failed))
    return 1 if failed or not passed else 0
