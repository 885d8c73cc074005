#!/usr/bin/env python3
"""A long life: a relay under mixed load while its services fail in turn.

    run.py --sigrelay BIN [--minutes N] [--rate R] [--keep] [NAME…]

Rounds of faults, the same in each; between two rounds the load stops until all is
answered. The first quarter of the rounds is the warm-up. Then, of the relay's
process:

  at rest, in the last quarter: RSS at most the second quarter's most + 3 MiB (after
      a body of 1 MiB glibc keeps up to 2 MiB or gives them back, as it happens),
      descriptors at most the second quarter's most + 1;
  under load, in the last quarter: RSS at most the second quarter's most + 4 MiB;
  connections to the log that are kept for later, which are not among those
      descriptors: never more than twice the clients;
  at rest, always: nothing in flight, parked or held;
  every request was answered, with the entry that was asked for, or its client left.

Without --minutes a round takes some ten seconds and there are four: that finds
what leaks quickly; what leaks slowly is for the soak. The RSS of a sanitizer's
build says nothing: use one without. Exit: 0 when none failed.
"""
import argparse
import asyncio
import json
import multiprocessing
import os
import platform
import random
import resource
import shutil
import signal
import sys
import tempfile
import time
import traceback

HERE = os.path.dirname(os.path.abspath(__file__))
sys.path[:0] = [HERE, os.path.join(HERE, "..", "scenario"), os.path.join(HERE, "..", "crowd")]
sys.dont_write_bytecode = True

from lib.world import World  # noqa: E402
from load import Load  # noqa: E402
from sign import Key  # noqa: E402

WORKERS = 40
ROUNDS = 4
SLOT = 0.6  # seconds of one fault; in a soak of minutes: five
# An uppercase word is done to the relay's process; the rest is the log's script.
FAULTS = (
    "all always status 502",
    "create always lose reset\nget 20 status 503",
    "all always reset",
    "HUP",
    "all always stall",
    "pause",
    "all always junk",
    "STOP",
    "all always half",
    "create always status 429 retry-after 1",
    "create always lose 504\nget always wrong-leaf",
    "all always refuse",
)


def settings(slot):
    return {"memory_entries": "300", "retry_for": f"{8 * slot:.0f}s", "attempt_timeout": f"{2 * slot:.0f}s",
            "lookup_wait": "500ms", "hedge_after": "500ms", "probe_interval": "200ms", "probe_max": "1s",
            "backoff_max": "1s", "rate_limit": "0", "header_timeout": "5s", "max_parked": "30",
            "log_level": "warn"}


def pooled(pid, port):
    """Descriptors of connections to the log that libcurl keeps for later."""
    with open("/proc/net/tcp", encoding="ascii") as f:
        rows = [line.split() for line in f][1:]
    sockets = {f"socket:[{row[9]}]" for row in rows if row[2].endswith(f":{port:04X}")}
    count = 0
    for fd in os.listdir(f"/proc/{pid}/fd"):
        try:
            count += os.readlink(f"/proc/{pid}/fd/{fd}") in sockets
        except FileNotFoundError:
            pass
    return count


class Sample:
    def __init__(self, pid, port):
        with open(f"/proc/{pid}/status", encoding="ascii") as f:
            fields = dict(line.split(":", 1) for line in f)
        self.rss = int(fields["VmRSS"].split()[0]) * 1024
        self.pooled = pooled(pid, port)
        self.files = len(os.listdir(f"/proc/{pid}/fd")) - self.pooled


class Soak:
    def __init__(self, world, load, rounds, slot):
        self.world, self.load, self.rounds, self.slot = world, load, rounds, slot
        self.pid = world.relay.p.pid
        self.loaded = [[] for _ in range(rounds)]  # samples
        self.rested = []
        self.wrong = []

    async def sampling(self, samples):
        while True:
            samples.append(Sample(self.pid, self.world.log_port))
            await asyncio.sleep(self.slot / 4)

    async def fault(self, what):
        control, relay = self.world.control, self.world.relay.p
        if what == "HUP":
            relay.send_signal(signal.SIGHUP)
        elif what == "STOP":
            relay.send_signal(signal.SIGSTOP)
        elif what == "pause":
            await asyncio.to_thread(control, "POST", "pause")
        else:
            await asyncio.to_thread(control, "POST", "script", what + "\n")
        await asyncio.sleep(self.slot * 0.7)
        relay.send_signal(signal.SIGCONT)
        for undo in ("clear", "resume", "release"):
            await asyncio.to_thread(control, "POST", undo)
        await asyncio.sleep(self.slot * 0.3)

    def at_rest(self):
        status = json.loads(self.world.admin("/status"))
        return status["in_flight"] == status["parked"] == self.world.metric("sigrelay_held_bytes") == 0

    async def rest(self, number):
        """A create outlives the client that left, until its deadline."""
        end = time.monotonic() + 12 * self.slot + 20
        while not await asyncio.to_thread(self.at_rest):
            if time.monotonic() > end:
                self.wrong.append(f"round {number}: not at rest: {self.world.admin('/status')}")
                return
            await asyncio.sleep(0.05)
        await asyncio.sleep(self.slot)  # connections that were just closed
        self.rested.append(Sample(self.pid, self.world.log_port))

    async def one_round(self, number):
        self.load.start()
        sampling = asyncio.ensure_future(self.sampling(self.loaded[number]))
        for what in FAULTS:
            await self.fault(what)
        await self.load.stop()
        sampling.cancel()
        await self.rest(number)

    async def run(self, progress):
        for number in range(self.rounds):
            await self.one_round(number)
            progress(number, self)
            if self.world.relay.p.poll() is not None:
                raise AssertionError(f"the relay ended with {self.world.relay.p.returncode}")

    # ---- what it came to ----
    def quarter(self, n):
        a, b = self.rounds * n // 4, self.rounds * (n + 1) // 4
        rested, loaded = self.rested[a:b], sum(self.loaded[a:b], [])
        return {"rss_rested": max(s.rss for s in rested), "files_rested": max(s.files for s in rested),
                "rss_loaded": max(s.rss for s in loaded), "files_loaded": max(s.files for s in loaded)}

    def judge(self):
        if self.load.lost:
            self.wrong.append(f"{len(self.load.lost)} requests lost, as: " + "; ".join(self.load.lost[:5]))
        second, last = self.quarter(1), self.quarter(3)
        for key, more, what in (("rss_rested", 3 << 20, "RSS at rest"), ("files_rested", 1, "descriptors at rest"),
                                ("rss_loaded", 4 << 20, "RSS under load")):
            if last[key] > second[key] + more:
                self.wrong.append(f"{what} grew: {second[key]} in the second quarter, {last[key]} in the last "
                                  f"(at most {more} more)")
        kept = max(s.pooled for s in self.rested)
        if kept > 2 * WORKERS:
            self.wrong.append(f"{kept} connections to the log were kept")
        for kind in self.load.kinds:
            if not self.load.did[kind.__name__]:
                self.wrong.append(f"no client did {kind.__name__}")

    def told(self):
        lines = ["quarter: RSS at rest / under load (MiB), descriptors without kept connections likewise"]
        for n in range(4):
            q = self.quarter(n)
            lines.append(f"  {n + 1}: {q['rss_rested'] / 2**20:.2f} / {q['rss_loaded'] / 2**20:.2f}, "
                         f"{q['files_rested']} / {q['files_loaded']}")
        lines.append("clients: " + ", ".join(f"{n} {k}" for k, n in sorted(self.load.did.items())))
        lines.append("answers: " + ", ".join(f"{n} of {s}" for s, n in sorted(self.load.statuses.items())))
        return "\n".join(lines)


def progress(name, long):
    began = time.monotonic()

    def tell(number, soak):
        if long:
            rest, most = soak.rested[-1], max(s.rss for s in soak.loaded[number])
            print(f"# {name} {time.monotonic() - began:.0f} s, round {number + 1}/{soak.rounds}: at rest "
                  f"{rest.rss / 2**20:.2f} MiB, {rest.files} descriptors and {rest.pooled} kept connections; under load {most / 2**20:.2f} MiB; "
                  f"{sum(soak.load.did.values())} requests, {len(soak.load.lost)} lost", flush=True)
    return tell


async def soak(world, key, name, args):
    slot = 5.0 if args.minutes else SLOT
    rounds = max(ROUNDS, int(args.minutes * 60 / (len(FAULTS) * slot + 2 * slot)) // 4 * 4)
    load = Load(world, key, random.Random(7), WORKERS, args.rate, 12 * slot + 20)
    s = Soak(world, load, rounds, slot)
    await s.run(progress(name, args.minutes))
    s.judge()
    return s


def run_in(folder, name, args):
    world = World(args.sigrelay, folder)
    try:
        world.settings = settings(5.0 if args.minutes else SLOT)
        if name == "tls":
            world.speak_tls(mutual=False)
        world.start_log()
        world.start_relay()
        key = Key(world.pen().key)
        done = asyncio.run(soak(world, key, name, args))
        key.close()
        if done.wrong:
            raise AssertionError("\n".join([*done.wrong, done.told()]))
        world.leave()
        return done.told()
    finally:
        world.kill()


def run_one(job):
    """(did it pass, what is to be printed)"""
    name, args = job
    folder = tempfile.mkdtemp(prefix=f"soak-{name}-")
    began, reason, told = time.monotonic(), "", ""
    try:
        told = run_in(folder, name, args)
    except AssertionError as e:
        reason = str(e)
    except Exception:  # the harness's own mistake is a failure too, with its place
        reason = traceback.format_exc()
    text = "".join(f"\n    {line}" for line in (reason or told).splitlines())
    if reason:
        return False, f"not ok - {name}{text}\n    logs: {folder}"
    if not args.keep:
        shutil.rmtree(folder, ignore_errors=True)
    return True, f"ok - {name} ({time.monotonic() - began:.0f} s, {platform.machine()}){text}"


def main():
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--sigrelay", required=True, metavar="BIN", type=os.path.abspath)
    parser.add_argument("--minutes", type=float, default=0, metavar="N", help="a soak of about so long")
    parser.add_argument("--rate", type=float, default=60, metavar="R", help="connections a second at most (default 60)")
    parser.add_argument("--keep", action="store_true", help="keep the folders")
    parser.add_argument("names", nargs="*", metavar="NAME", help="plain, tls (default: both, side by side)")
    args = parser.parse_args()
    if not os.access(args.sigrelay, os.X_OK):
        sys.exit(f"run.py: {args.sigrelay} cannot be run")
    hard = resource.getrlimit(resource.RLIMIT_NOFILE)[1]
    resource.setrlimit(resource.RLIMIT_NOFILE, (hard, hard))
    names = args.names or ["plain", "tls"]
    results = []
    with multiprocessing.Pool(len(names)) as pool:
        for good, text in pool.imap(run_one, [(name, args) for name in names]):
            print(text, flush=True)
            results.append(good)
    print(f"{results.count(True)} passed, {results.count(False)} failed")
    return 0 if results and all(results) else 1


if __name__ == "__main__":
    sys.exit(main())
