"""What the tests of cleanup share: a ledger to write, the program, and what it left."""
import base64
import json
import os
import re
import signal
import subprocess
import time

import world
from world import lacks

RUN = "4711.1"


def wait_until(condition, what):
    end = time.monotonic() + 30
    while not condition():
        if time.monotonic() > end:
            raise AssertionError("did not happen: " + what)
        time.sleep(0.01)


class World(world.World):
    def __init__(self, program):
        super().__init__(program)
        self.env.update(SIGRELAY_RUN_ID=RUN, SIGRELAY_BACKOFF_BASE="20ms", SIGRELAY_BACKOFF_MAX="100ms",
                        SIGRELAY_THROTTLE_BASE="20ms")
        self.secrets = []

    def log_in(self, *entries):
        """(host, user, secret), …"""
        auths = {}
        for host, user, secret in entries:
            auths[host] = {"auth": base64.b64encode(("%s:%s" % (user, secret)).encode()).decode()}
            self.secrets.append(secret)
        with open(self.path("config.json"), "w") as f:
            json.dump({"auths": auths}, f)

    # the ledger

    def line(self, event, registry, repository, tag, digest=None, state=None, run=RUN, **more):
        entry = {"time": "2026-11-24T08:40:05.007Z", "run": run, "event": event,
                 "image": "%s/%s:%s" % (registry, repository, tag), "registry": registry,
                 "repository": repository, "tag": tag, "digest": digest, "state": state}
        entry.update(more)
        with open(self.ledger, "a") as f:
            f.write(json.dumps({k: v for k, v in entry.items() if v is not None}) + "\n")

    def pushed(self, registry, repository, tag, digest, before="absent", seen=None, run=RUN):
        """before None: no preflight line."""
        if before:
            self.line("preflight", registry, repository, tag, seen, before, run)
        self.line("pushed", registry, repository, tag, digest, run=run)

    def lines(self, *events):
        found = [json.loads(x) for x in self.text("ledger").splitlines() if x.startswith("{\"time") and x[-1] == "}"]
        return [x for x in found if x["event"] in events]

    # the program

    def command(self, *flags):
        return [self.program, "cleanup", "--ledger", self.ledger, *flags]

    def check(self, wanted, code):
        if code != wanted:
            raise AssertionError("exit %d, wanted %d\n%s%s" % (code, wanted, self.out, self.err))
        for secret in self.secrets:
            lacks(self.out + self.err + self.text("ledger") + self.text("output") + self.text("summary"), secret,
                  base64.b64encode(secret.encode()).decode().rstrip("="))
        lacks(self.err, "ERROR: AddressSanitizer", "ERROR: LeakSanitizer", "runtime error:")

    def run(self, wanted, *flags, command=None):
        p = subprocess.run(command or self.command(*flags), env=self.env, capture_output=True, text=True, timeout=120)
        self.out, self.err = p.stdout, p.stderr
        self.check(wanted, p.returncode)

    def json(self, wanted, *flags):
        self.run(wanted, "--json", *flags)
        return json.loads(self.out)

    def stop(self, wanted, ready, number=signal.SIGTERM):
        """Ends it by a signal once ready() is true."""
        p = subprocess.Popen(self.command(), env=self.env, stdout=subprocess.PIPE, stderr=subprocess.PIPE, text=True)
        try:
            wait_until(ready, "what the signal waits for")
            p.send_signal(number)
            self.out, self.err = p.communicate(timeout=30)
        finally:
            p.kill()
        self.check(wanted, p.returncode)


def results(answer):
    """{TAG: result} of what --json printed."""
    return {i["tag"]: i["result"] for i in answer["images"]}


def also(answer, what, index=0):
    """{tag or digest: result} of what belongs to an image."""
    return {a["tag"] or a["digest"]: a["result"] for a in answer["images"][index]["also"] if a["what"] == what}


def asked(fake, method):
    return [r["path"] for r in fake.requests() if r["method"] == method]


def deletes(fake):
    return asked(fake, "DELETE")


def signature(digest, suffix=".sig"):
    return "sha256-" + digest.split(":")[1] + suffix


def plain(text):
    return re.sub(r"\s+", " ", text)
