"""Runs a program with a listening socket as systemd passes one.

pass_socket.py NAME ADDRESS:PORT|unix:PATH|fd:N PROGRAM [ARG...]; an ARG "@ADDRESS" becomes the socket's.
fd:N is a socket that listens already; NAME - is none.
"""
import os
import socket
import sys

name, (host, port), program = sys.argv[1], sys.argv[2].rsplit(":", 1), sys.argv[3:]
if host == "fd":
    s = socket.socket(fileno=int(port))
elif host == "unix":
    s = socket.socket(socket.AF_UNIX)
    s.bind(port)
    s.listen(16)
else:
    s = socket.socket()
    s.bind((host, int(port)))
    s.listen(16)
address = "unix:" + s.getsockname() if s.family == socket.AF_UNIX else "%s:%d" % s.getsockname()
program = [address if arg == "@ADDRESS" else arg for arg in program]
if s.fileno() != 3:
    os.dup2(s.fileno(), 3)
os.set_inheritable(3, True)
os.environ.update(LISTEN_PID=str(os.getpid()), LISTEN_FDS="1")
if name != "-":
    os.environ["LISTEN_FDNAMES"] = name
os.execvp(program[0], program)
