"""An upstream that takes a request and says nothing: PORT-FILE GOT-FILE."""
import socket
import sys

server = socket.create_server(("127.0.0.1", 0))
with open(sys.argv[1], "w") as f:
    print(server.getsockname()[1], file=f)
held = []
while True:
    connection, _ = server.accept()
    connection.recv(65536)
    held.append(connection)
    with open(sys.argv[2], "w") as f:
        print(len(held), file=f)
