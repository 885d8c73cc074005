"""Runs a command on a terminal of its own; prints what it wrote and how it ended."""
import os
import pty
import sys

pid, fd = pty.fork()
if pid == 0:
    os.execv(sys.argv[1], sys.argv[1:])
seen = b""
while True:
    try:
        block = os.read(fd, 4096)
    except OSError:
        break
    if not block:
        break
    seen += block
_, status = os.waitpid(pid, 0)
sys.stdout.buffer.write(seen)
print(f"\nended with {os.waitstatus_to_exitcode(status)}")
