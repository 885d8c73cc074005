#!/usr/bin/env python3
"""Stands where sigrelay would: writes down how it was called, then does what the
next line of FAKE_PLAN says: `EXIT SIGNED`, where SIGNED is true, false or - (none),
or `wait` and these: the same after SIGINT or SIGTERM, a - for EXIT being 128 and
the signal's number.
Without a plan: 0 and true."""

import json
import os
import signal
import sys

folder = os.environ["FAKE_FOLDER"]
with open(os.path.join(folder, "calls"), "a", encoding="utf-8") as f:
    f.write(json.dumps({"argv": sys.argv[1:], "env": dict(os.environ)}) + "\n")
with open(os.path.join(folder, "calls"), encoding="utf-8") as f:
    number = len(f.readlines()) - 1
plan = os.environ.get("FAKE_PLAN", "").splitlines() or ["0 true"]
words = plan[min(number, len(plan) - 1)].split()
if words[0] == "wait":
    heard = {n for n in (signal.SIGINT, signal.SIGTERM) if signal.getsignal(n) != signal.SIG_IGN}
    signal.pthread_sigmask(signal.SIG_BLOCK, heard)
    with open(os.path.join(folder, "waits"), "w", encoding="utf-8") as f:
        f.write("yes")
    got = signal.sigwait(heard)
    words = words[1:]
    if words[0] == "-":
        words[0] = str(128 + got)
if words[1] != "-" and os.environ.get("GITHUB_OUTPUT"):
    with open(os.environ["GITHUB_OUTPUT"], "a", encoding="utf-8") as f:
        f.write(f"signed={words[1]}\n")
sys.exit(int(words[0]))
