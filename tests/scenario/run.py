#!/usr/bin/env python3
"""Runs the scenarios of this folder against a sigrelay binary.

    run.py --sigrelay BIN [-j N] [--keep] [NAME…]

Each scenario gets a folder, a built-in log and a relay of its own. Of one that
fails, the folder with every log is kept and named. Python 3 and openssl are all
that it needs. Exit: 0 when none failed.
"""
import argparse
import concurrent.futures
import os
import shutil
import sys
import tempfile
import threading
import traceback

HERE = os.path.dirname(os.path.abspath(__file__))
sys.path.insert(0, HERE)
sys.dont_write_bytecode = True

from lib.steps import Failed, Scenario, Skip  # noqa: E402
from lib.world import World  # noqa: E402

PRINTING = threading.Lock()


def say(text):
    with PRINTING:
        print(text, flush=True)


def indented(text):
    return "".join(f"    {line}\n" for line in text.strip().splitlines())


def run_one(binary, path, keep):
    """'passed', 'failed' or 'skipped'."""
    name = os.path.splitext(os.path.basename(path))[0]
    folder = tempfile.mkdtemp(prefix=f"scn-{name}-")
    world = World(binary, folder)
    result, reason = "passed", ""
    try:
        Scenario(path, world).run()
        world.leave()
    except Skip as e:
        result, reason = "skipped", str(e)
    except (Failed, AssertionError) as e:
        result, reason = "failed", str(e)
    except Exception:  # the harness's own mistake is a failure too, with its place
        result, reason = "failed", traceback.format_exc()
    finally:
        world.kill()
    kept = keep or result == "failed"
    if not kept:
        shutil.rmtree(folder, ignore_errors=True)
    if result == "passed":
        say(f"ok - {name}")
    elif result == "skipped":
        say(f"ok - {name} # skip {reason}")
    else:
        say(f"not ok - {name}\n{indented(reason)}    logs: {folder}")
    return result


def chosen(names):
    there = sorted(f for f in os.listdir(HERE) if f.endswith(".scn"))
    if not names:
        return [os.path.join(HERE, f) for f in there]
    paths = []
    for name in names:
        file = os.path.basename(name)
        file = file if file.endswith(".scn") else file + ".scn"
        if file not in there:
            sys.exit(f"run.py: no scenario {file} in {HERE}")
        paths.append(os.path.join(HERE, file))
    return paths


def main():
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--sigrelay", required=True, metavar="BIN")
    parser.add_argument("-j", type=int, default=2, metavar="N", help="scenarios at a time (default 2)")
    parser.add_argument("--keep", action="store_true", help="keep every scenario's folder")
    parser.add_argument("names", nargs="*", metavar="NAME")
    args = parser.parse_args()
    binary = os.path.abspath(args.sigrelay)
    if not os.access(binary, os.X_OK):
        sys.exit(f"run.py: {binary} cannot be run")
    with concurrent.futures.ThreadPoolExecutor(args.j) as pool:
        results = list(pool.map(lambda p: run_one(binary, p, args.keep), chosen(args.names)))
    counts = [results.count(word) for word in ("passed", "failed", "skipped")]
    say(f"{counts[0]} passed, {counts[1]} failed, {counts[2]} skipped")
    return 1 if counts[1] or not results else 0


if __name__ == "__main__":
    sys.exit(main())
