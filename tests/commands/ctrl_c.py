"""Runs a command on a terminal of its own and types Ctrl-C once it is ready."""
import os
import pty
import re
import sys


def read_until(fd, pattern, text=b""):
    while not re.search(pattern, text):
        try:
            block = os.read(fd, 4096)
        except OSError:
            break
        if not block:
            break
        text += block
    return text


pid, fd = pty.fork()
if pid == 0:
    os.execv(sys.argv[1], sys.argv[1:])
read_until(fd, rb"ready\r?\n")
os.write(fd, b"\x03")
seen = read_until(fd, rb"got \d+\r?\n")
_, status = os.waitpid(pid, 0)
match = re.search(rb"got \d+", seen)
what = match.group().decode() if match else repr(seen)
print(f"{what}, ended with {os.waitstatus_to_exitcode(status)}")
