#!/bin/sh
# Builds and passes every test. As root or with sudo on a bare machine: installs
# what is missing first. Ends with the sum over all runners:
#
#   N passed, N failed, N skipped
#
#   test.sh            everything, the real Sigstore services included
#   test.sh --quick    without the real services, valgrind, and lint
set -eu
cd "$(dirname "$0")"
quick=
[ "${1:-}" = --quick ] && quick=yes
scripts/packages.sh test
exec scripts/run-tests.sh $quick </dev/null
