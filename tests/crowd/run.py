#!/usr/bin/env python3
"""A crowd on real sockets: thousands of clients wait through an outage of the
log, and the log comes back to all of them at once.

    run.py --sigrelay BIN [--long] [--clients N] [--keep] [NAME…]

Each test has a built-in log (`sigrelay builtin-log`) and a relay (`sigrelay
serve`) of its own, and says what it did and what it saw. Without --long the
outage is some seconds long and the relay's times are as much shorter; with it
the outage is a minute. Of a test that fails the folder with the logs is kept.
Exit: 0 when none failed.
"""
import argparse
import asyncio
import base64
import hashlib
import json
import multiprocessing
import os
import resource
import shutil
import signal
import subprocess
import sys
import tempfile
import time
import traceback

HERE = os.path.dirname(os.path.abspath(__file__))
sys.path[:0] = [HERE, os.path.join(HERE, "..", "scenario")]
sys.dont_write_bytecode = True

from clients import Client  # noqa: E402
from lib.signing import Entry  # noqa: E402
from lib.world import World  # noqa: E402
from sign import Key  # noqa: E402

READERS = 50  # beside those who post
FIRST = 5  # of each kind come before the rest, and meet the outage: breaker_failures


class Variant:
    def __init__(self, name, fault, outage, settings):
        self.name, self.fault, self.outage, self.settings = name, fault, outage, settings
        self.rate = settings["rate_limit"] / 60  # a second
        self.interval = settings["probe_interval"]

    def lines(self):
        return {"rate_limit": f"{self.settings['rate_limit']}/min", "probe_interval": f"{self.interval}ms",
                "probe_max": f"{self.settings['probe_max']}ms"}


# The relay's defaults are 900/min, 5 s and 60 s. In short, time runs ten times
# as fast as in the default settings; rate_burst is a number and stays.
SHORT = (
    Variant("answered-within-seconds", "all always status 502", 10,
            {"rate_limit": 30000, "probe_interval": 1000, "probe_max": 2000}),
    Variant("defaults-in-proportion", "all always refuse", 6,
            {"rate_limit": 9000, "probe_interval": 500, "probe_max": 6000}),
)
LONG = (
    Variant("answered-within-seconds", "all always status 502", 60,
            {"rate_limit": 30000, "probe_interval": 5000, "probe_max": 10000}),
    Variant("defaults", "all always refuse", 60,
            {"rate_limit": 900, "probe_interval": 5000, "probe_max": 60000}),
)


def make_entries(world, count):
    """Under one certificate of the log's own authority, as its clients would have."""
    pen = world.pen()
    status, answer = world.direct("POST", "/api/v2/signingCert", pen.certificate_request(world.token()))
    if status not in (200, 201):
        raise AssertionError(f"no certificate: {status} {answer!r}")
    certificate = json.loads(answer)["signedCertificateEmbeddedSct"]["chain"]["certificates"][0].encode()
    key = Key(pen.key)
    entries = []
    for i in range(count):
        artifact = f"artifact {i} of {count}, {os.urandom(8).hex()}".encode()
        entries.append(Entry(world.tree_id, hashlib.sha256(artifact).hexdigest(), key.sign(artifact), certificate))
    key.close()
    return entries


class Watch:
    """What the log counted, and when."""

    def __init__(self, world):
        self.path = os.path.join(world.folder, "watch")
        with open(self.path, "wb") as out:
            self.p = subprocess.Popen([sys.executable, os.path.join(HERE, "watch.py"), str(world.log_port)], stdout=out)

    def end(self):
        self.p.terminate()
        self.p.wait()

    def readings(self):
        with open(self.path, encoding="ascii") as f:
            rows = [line.split() for line in f if line.endswith("\n")]
        return [(float(asked), float(told), int(n)) for asked, told, n in rows]

    def busiest_second(self, since):
        """The most requests between two readings that both lie within one second: never too
        many, and few too few."""
        readings = [r for r in self.readings() if r[0] >= since]
        most, i = 0, 0
        for _, told, n in readings:
            while readings[i][0] < told - 1:
                i += 1
            most = max(most, n - readings[i][2])
        return most


class Crowd:
    def __init__(self, world, variant, count):
        self.world, self.variant = world, variant
        entries = make_entries(world, count)
        address = world.address
        self.posting = [Client(address, e, i % 10 == 9) for i, e in enumerate(entries)]
        self.reading = [Client(address, None, False) for _ in range(READERS)]
        self.clients = self.posting + self.reading
        self.tasks = []
        self.halfway = asyncio.Event()

    def start(self, clients):
        self.tasks += [asyncio.ensure_future(c.run(self.halfway)) for c in clients]

    def opened(self):
        rekor = json.loads(self.world.admin("/status"))["services"]["rekor"]
        return rekor["read"]["state"] == "open" and rekor["write"]["state"] == "open"

    async def condition(self, holds, what, seconds=30):
        end = time.monotonic() + seconds
        while not await asyncio.to_thread(holds):
            if time.monotonic() > end:
                raise AssertionError(f"waited {seconds} s for {what}")
            await asyncio.sleep(0.05)

    async def meet_outage(self):
        """The log goes down; the first few find out, the rest comes and waits."""
        w = self.world
        w.control("POST", "script", self.variant.fault + "\n")
        self.down_at = time.monotonic()
        self.start(self.posting[:FIRST] + self.reading[:FIRST])
        await self.condition(self.opened, "both sides of the relay's breaker to open")
        self.opened_at, self.state_opened = time.monotonic(), w.control("GET", "state")
        self.start(self.posting[FIRST:] + self.reading[FIRST:])
        await asyncio.gather(*(c.posted.wait() for c in self.clients))
        await self.condition(lambda: w.status("parked") >= len(self.clients) - 2, "everyone to be parked", 60)
        self.parked = w.status("parked")

    async def sit_out(self):
        """Waiting is the point here: the length of the outage is what is tested."""
        half = self.down_at + self.variant.outage / 2
        await asyncio.sleep(max(0.0, half - time.monotonic()))
        for c in self.clients:
            c.posted.clear()
        self.halfway.set()
        await asyncio.gather(*(c.posted.wait() for c in self.clients if c.leaves))
        await asyncio.sleep(max(0.0, self.down_at + self.variant.outage - time.monotonic()))
        if any(c.answers for c in self.clients):
            raise AssertionError("a client was answered while the log was down")
        w = self.world
        self.up_at = time.monotonic()
        w.control("POST", "clear")
        self.state_up = w.control("GET", "state")
        self.outage = time.monotonic() - self.opened_at

    async def recover(self):
        limit = 60 + self.variant.settings["probe_max"] / 1000 + 2 * len(self.clients) / self.variant.rate
        done, waiting = await asyncio.wait(self.tasks, timeout=limit)
        for task in done:
            task.result()
        if waiting:
            raise AssertionError(f"{len(waiting)} of {len(self.clients)} clients have no answer {limit:.0f} s after "
                                 f"the recovery")
        self.ended_at = time.monotonic()
        await asyncio.gather(*(c.close() for c in self.clients))


class Findings:
    def __init__(self, crowd, watch):
        self.crowd, v = crowd, crowd.variant
        opened, up, end = crowd.state_opened, crowd.state_up, crowd.world.control("GET", "state")
        self.allowed = int(crowd.outage * 1000 / v.interval) + 1  # a side
        self.first = reads(opened) + opened["create"] - crowd.world.own_queries
        self.probes = {"write": up["create"] - opened["create"], "read": reads(up) - reads(opened)}
        self.busiest = watch.busiest_second(crowd.up_at)
        self.entries, self.creates = end["integrated"], end["create"] - up["create"]
        self.hedges = int(crowd.world.metric("sigrelay_hedges_total"))
        self.parked, self.in_flight = (crowd.world.status(k) for k in ("parked", "in_flight"))
        self.bad = [c for c in crowd.clients if c.wrong or c.answers != 1]

    def wrong(self):
        """What should hold and does not."""
        count, rate = len(self.crowd.posting), self.crowd.variant.rate
        rules = [
            (not self.bad, f"{len(self.bad)} clients did not get their one right answer, as in: "
                           + "; ".join(f"{c.answers} answers, {c.wrong}" for c in self.bad[:3])),
            (self.first <= 2 * FIRST, f"{self.first} requests until both sides were open: at most {2 * FIRST}"),
            (1 <= self.busiest <= 2 * rate, f"{self.busiest} requests in a second after the recovery: "
                                            f"at most {2 * rate:.0f}, and some"),
            (self.entries == count, f"{self.entries} entries in the log: {count} were posted"),
            # The last probe may have come between the recovery and the count. On a busy
            # machine a create may take so long that it gets a second one beside it.
            (count - 1 <= self.creates <= count + self.hedges,
             f"{self.creates} creates after the recovery for {count} entries, {self.hedges} of them hedges"),
            (self.parked == self.in_flight == 0, f"{self.parked} parked and {self.in_flight} in flight at the end"),
        ] + [(1 <= n <= self.allowed, f"{n} requests of the {side} side while it was open: 1 to {self.allowed}")
             for side, n in self.probes.items()]
        return [text for holds, text in rules if not holds]

    def told(self):
        crowd, v = self.crowd, self.crowd.variant
        waits = sorted(c.answered_at - crowd.up_at for c in crowd.posting)
        return (f"{len(crowd.posting)} clients posted an entry each and {len(crowd.reading)} read; '{v.fault}' for "
                f"{crowd.up_at - crowd.down_at:.1f} s; " + ", ".join(f"{k} = {x}" for k, x in v.lines().items()) + "\n"
                f"{sum(c.leaves for c in crowd.clients)} hung up in the middle and came back; {crowd.parked} were parked\n"
                f"requests at the log: {self.first} until both sides were open, then {self.probes['write']} writes and "
                f"{self.probes['read']} reads (at most {self.allowed} each), {self.creates} creates after the recovery "
                f"({self.hedges} hedges)\n"
                f"after the recovery: the first 201 after {waits[0]:.1f} s, the last after {waits[-1]:.1f} s; busiest "
                f"second {self.busiest} requests (at most {2 * v.rate:.0f})")


def reads(state):
    return state["get"] + state["query"]


async def play(world, variant, count):
    crowd = Crowd(world, variant, count)
    try:
        await crowd.meet_outage()
        await crowd.sit_out()
        await crowd.recover()
    finally:
        for task in crowd.tasks:
            task.cancel()
    return crowd


def start_relay(world, hard):
    """With the few open files that a shell gives: serve has to ask for more."""
    resource.setrlimit(resource.RLIMIT_NOFILE, (min(1024, hard), hard))
    try:
        world.start_relay()
    finally:
        resource.setrlimit(resource.RLIMIT_NOFILE, (hard, hard))


def run_variant(binary, variant, count, folder):
    """What it did, in lines. AssertionError: what was wrong."""
    world, watch = World(binary, folder), None
    try:
        world.settings = variant.lines()
        world.start_log()
        start_relay(world, resource.getrlimit(resource.RLIMIT_NOFILE)[1])
        watch = Watch(world)
        crowd = asyncio.run(play(world, variant, count))
        watch.end()
        findings = Findings(crowd, watch)
        wrong = findings.wrong()
        if wrong:
            raise AssertionError("\n".join([*wrong, "it did:", findings.told()]))
        world.leave()
        return findings.told()
    finally:
        if watch:
            watch.end()
        world.kill()


def indented(text):
    return "".join(f"    {line}\n" for line in text.strip().splitlines())


def run_one(job):
    """(did it pass, what is to be printed)"""
    binary, variant, count, keep = job
    folder = tempfile.mkdtemp(prefix=f"crowd-{variant.name}-")
    began, reason, told = time.monotonic(), "", ""
    try:
        told = run_variant(binary, variant, count, folder)
    except AssertionError as e:
        reason = str(e)
    except Exception:  # the harness's own mistake is a failure too, with its place
        reason = traceback.format_exc()
    if reason:
        return False, f"not ok - {variant.name}\n{indented(reason)}    logs: {folder}"
    if not keep:
        shutil.rmtree(folder, ignore_errors=True)
    return True, f"ok - {variant.name} ({time.monotonic() - began:.0f} s)\n{indented(told)}".rstrip()


def need_files(count):
    hard = resource.getrlimit(resource.RLIMIT_NOFILE)[1]
    if hard < count + 1000:
        sys.exit(f"run.py: {count} clients need {count + 1000} open files, the hard limit is {hard}: "
                 f"raise it, or give fewer --clients")
    resource.setrlimit(resource.RLIMIT_NOFILE, (hard, hard))


def main():
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--sigrelay", required=True, metavar="BIN")
    parser.add_argument("--long", action="store_true", help="an outage of a minute")
    parser.add_argument("--clients", type=int, default=2000, metavar="N", help="who post (default 2000)")
    parser.add_argument("--keep", action="store_true", help="keep the folders")
    parser.add_argument("names", nargs="*", metavar="NAME")
    args = parser.parse_args()
    binary = os.path.abspath(args.sigrelay)
    if not os.access(binary, os.X_OK):
        sys.exit(f"run.py: {binary} cannot be run")
    need_files(args.clients)
    variants = [v for v in (LONG if args.long else SHORT) if not args.names or v.name in args.names]
    results = []
    # Each in a process of its own, side by side: they wait more than they work.
    with multiprocessing.Pool(max(1, len(variants))) as pool:
        for good, text in pool.imap(run_one, [(binary, v, args.clients, args.keep) for v in variants]):
            print(text, flush=True)
            results.append(good)
    print(f"{results.count(True)} passed, {results.count(False)} failed")
    return 0 if results and all(results) else 1


if __name__ == "__main__":
    sys.exit(main())
