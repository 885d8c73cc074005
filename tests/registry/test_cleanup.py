#!/usr/bin/env python3
"""cleanup as a user meets it, at every kind of registry and in every situation.

    tests/registry/test_cleanup.py --sigrelay build/asan/sigrelay [TEST…]

Every test drives the program at fakes of the registries and of their APIs, and looks at
what they have afterwards. Ends with "N passed, N failed".
"""
import argparse
import os
import sys
import traceback

HERE = os.path.dirname(os.path.abspath(__file__))
sys.path.insert(0, HERE)
import cleanup_apis  # noqa: E402
import cleanup_oci  # noqa: E402
from cleanup_world import World  # noqa: E402

TESTS = cleanup_oci.TESTS + cleanup_apis.TESTS


def main():
    p = argparse.ArgumentParser(description=__doc__.split("\n")[0])
    p.add_argument("--sigrelay", required=True)
    p.add_argument("tests", nargs="*", metavar="TEST")
    args = p.parse_args()
    known = {name: f for name, f in TESTS}
    for name in args.tests:
        if name not in known:
            p.error("no test named %s" % name)
    program = os.path.abspath(args.sigrelay)
    passed = failed = 0
    for name, f in TESTS:
        if args.tests and name not in args.tests:
            continue
        world = World(program)
        try:
            f(world)
            passed += 1
            print("ok - %s" % name, flush=True)
        except Exception:  # noqa: BLE001: a test may fail in any way
            failed += 1
            print("not ok - %s" % name, flush=True)
            for line in traceback.format_exc().splitlines():
                print("    " + line)
            print("    stdout: %s\n    stderr: %s" % (world.out, world.err), flush=True)
        finally:
            world.close()
    cleanup_apis.forget_certificate()
    print("%d passed, %d failed" % (passed, failed))
    return 1 if failed else 0


if __name__ == "__main__":
    sys.exit(main())
