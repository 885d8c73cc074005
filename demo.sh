#!/bin/sh
# Builds sigrelay and shows the incident, without and with it. As root or with
# sudo on a bare machine: installs what is missing first.
set -eu
cd "$(dirname "$0")"
scripts/packages.sh build
mkdir -p build
if ! { cmake --preset release && cmake --build --preset release; } >build/demo-build.log 2>&1; then
	tail -n 40 build/demo-build.log >&2
	echo "demo.sh: the build failed; build/demo-build.log has all of it" >&2
	exit 1
fi
exec build/release/sigrelay demo "$@"
