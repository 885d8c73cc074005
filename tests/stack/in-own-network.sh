#!/bin/bash
# Run by start_tsa inside a fresh network namespace: LOSSY SOCKET PORT COMMAND...
# Runs COMMAND, whose port nobody outside can reach, and beside it a bridge from
# SOCKET to that port. The bridge leaves when COMMAND does.
set -euo pipefail

lossy=$1 socket=$2 port=$3
shift 3
ip link set lo up
"$@" &
command=$!
"$lossy" --listen "unix:$socket" --to "http://127.0.0.1:$port" &
bridge=$!
trap 'kill -KILL "$command" "$bridge" 2>/dev/null || true' EXIT
trap 'exit 143' TERM
wait "$command"
