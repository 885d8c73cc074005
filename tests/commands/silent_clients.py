"""PORT COUNT: COUNT connections that say nothing, until it is ended."""
import signal
import socket
import sys

held = []
for _ in range(int(sys.argv[2])):
    held.append(socket.create_connection(("127.0.0.1", int(sys.argv[1])), timeout=10))
signal.pause()
