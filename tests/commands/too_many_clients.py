"""PORT COUNT TOLD: COUNT clients post at once. Waits until TOLD of them have an
answer, and prints the first lines of all the answers there are."""
import select
import socket
import sys
import time

REQUEST = (b"POST /api/v1/log/entries HTTP/1.1\r\nHost: x\r\nContent-Type: application/json\r\n"
           b"Content-Length: 2\r\n\r\n{}")


def connect():
    return socket.create_connection(("127.0.0.1", int(sys.argv[1])), timeout=10)


def ready(clients, seconds):
    return select.select(clients, [], [], seconds)[0]


clients = [connect() for _ in range(int(sys.argv[2]))]
for client in clients:
    client.sendall(REQUEST)
end = time.monotonic() + 10
while len(ready(clients, 0.05)) < int(sys.argv[3]) and time.monotonic() < end:
    time.sleep(0.05)
# Whoever comes now is served after those: nobody's answer is still to come.
last = connect()
last.sendall(b"GET /healthz HTTP/1.1\r\nHost: x\r\n\r\n")
last.recv(4096)
answered = ready(clients, 0)
lines = {client.recv(4096).split(b"\r\n")[0].decode() for client in answered}
print(len(answered), "of", len(clients), "were told:", *sorted(lines))
