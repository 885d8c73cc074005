#!/usr/bin/env python3
"""Many relays and a Redis, on real sockets: what they share, and how each goes on
alone when Redis is slow, gone, full, forgetful, or no Redis at all.

    run.py --sigrelay BIN [--long] [--keep] [NAME…]

Each test has a redis-server, a built-in log and relays of its own. --long: the
crowd's outage is a minute. Exit: 0 when none failed.
"""
import argparse
import os
import shutil
import sys
import tempfile
import time
import traceback
from concurrent.futures import ProcessPoolExecutor

sys.dont_write_bytecode = True
sys.path.insert(0, os.path.dirname(os.path.abspath(__file__)))

import alone  # noqa: E402
import crowd  # noqa: E402
import mint  # noqa: E402
import shared  # noqa: E402
from world import Fleet, Skip  # noqa: E402

TESTS = {name: fn for module in (shared, alone, mint, crowd) for name, fn in vars(module).items()
         if name.startswith("test_")}


def indented(text):
    return "".join(f"    {line}\n" for line in text.strip().splitlines())


def run_one(job):
    """(passed, failed or skipped, what is to be printed)"""
    name, binary, long, keep = job
    folder = tempfile.mkdtemp(prefix=f"fleet-{name[5:]}-")
    began, reason, skip, said, fleet = time.monotonic(), "", "", None, None
    try:
        fleet = Fleet(binary, folder)
        said = TESTS[name](fleet, long) if name.startswith("test_crowd") else TESTS[name](fleet)
        fleet.leave()
    except Skip as e:
        skip = str(e)
    except AssertionError as e:
        reason = str(e) or traceback.format_exc()
    except Exception:  # the harness's own mistake is a failure too, with its place
        reason = traceback.format_exc()
    finally:
        if fleet:
            fleet.kill()
    if reason:
        return "failed", f"not ok - {name[5:]}\n{indented(reason)}    logs: {folder}"
    if not keep:
        shutil.rmtree(folder, ignore_errors=True)
    if skip:
        return "skipped", f"skip - {name[5:]}: {skip}"
    return "passed", f"ok - {name[5:]} ({time.monotonic() - began:.1f} s)" + (f"\n{indented(said)}".rstrip() if said else "")


def main():
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--sigrelay", required=True, metavar="BIN")
    parser.add_argument("--long", action="store_true", help="an outage of a minute")
    parser.add_argument("--keep", action="store_true", help="keep the folders")
    parser.add_argument("names", nargs="*", metavar="NAME")
    args = parser.parse_args()
    binary = os.path.abspath(args.sigrelay)
    if not os.access(binary, os.X_OK):
        sys.exit(f"run.py: {binary} cannot be run")
    unknown = [n for n in args.names if "test_" + n not in TESTS]
    if unknown:
        sys.exit(f"run.py: no such test: {', '.join(unknown)}; there are: {', '.join(n[5:] for n in TESTS)}")
    names = [n for n in TESTS if not args.names or n[5:] in args.names]
    if not shutil.which("redis-server"):
        print(f"skipped: no redis-server on this machine\n0 passed, 0 failed, {len(names)} skipped")
        return 0
    quick = [n for n in names if not n.startswith("test_crowd")]
    results = []
    with ProcessPoolExecutor(4) as pool:
        for result, text in pool.map(run_one, [(n, binary, args.long, args.keep) for n in quick]):
            print(text, flush=True)
            results.append(result)
    # The crowd has the machine to itself: it is a matter of load.
    for n in names:
        if n not in quick:
            result, text = run_one((n, binary, args.long, args.keep))
            print(text, flush=True)
            results.append(result)
    print(", ".join(f"{results.count(r)} {r}" for r in ("passed", "failed", "skipped")))
    return 1 if "failed" in results or not results else 0


if __name__ == "__main__":
    sys.exit(main())
