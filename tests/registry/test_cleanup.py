#!/usr/bin/env python3
"""cleanup as a user meets it, at every kind of registry and in every situation.

    tests/registry/test_cleanup.py --sigrelay build/asan/sigrelay [TEST…]

Every test drives the program at fakes of the registries and of their APIs, and looks at
what they have afterwards. Ends with "N passed, N failed".
"""
import os
import sys

sys.path.insert(0, os.path.dirname(os.path.abspath(__file__)))
import cleanup_oci  # noqa: E402, F401: the tests register themselves
import cleanup_again  # noqa: E402, F401
import cleanup_apis  # noqa: E402
import world  # noqa: E402
from cleanup_world import World  # noqa: E402

if __name__ == "__main__":
    code = world.main(World)
    cleanup_apis.forget_certificate()
    sys.exit(code)
