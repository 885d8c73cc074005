"""An HTTP/2 server that refuses every stream: refused_streams.py CERTIFICATE KEY PORT-FILE COUNT-FILE.

The count is of requests, one byte each. Frames are RFC 9113's.
"""
import socket
import ssl
import struct
import sys
import threading

HEADERS, RST_STREAM, SETTINGS = 1, 3, 4
ACK, REFUSED_STREAM = 1, 7


def frame(kind, flags, stream, payload=b""):
    return struct.pack(">I", len(payload))[1:] + bytes([kind, flags]) + struct.pack(">I", stream) + payload


def serve(tls, count):
    tls.sendall(frame(SETTINGS, 0, 0))
    f = tls.makefile("rb")
    f.read(24)  # the client's preface
    while head := f.read(9):
        size, kind, flags = int.from_bytes(head[:3], "big"), head[3], head[4]
        stream = int.from_bytes(head[5:], "big")
        f.read(size)
        if kind == SETTINGS and not flags & ACK:
            tls.sendall(frame(SETTINGS, ACK, 0))
        elif kind == HEADERS:
            with open(count, "a", encoding="ascii") as c:
                c.write(".")
            tls.sendall(frame(RST_STREAM, 0, stream, struct.pack(">I", REFUSED_STREAM)))


def connection(raw, context, count):
    try:
        with context.wrap_socket(raw, server_side=True) as tls:
            serve(tls, count)
    except OSError:
        pass


def main():
    certificate, key, port, count = sys.argv[1:]
    context = ssl.SSLContext(ssl.PROTOCOL_TLS_SERVER)
    context.load_cert_chain(certificate, key)
    context.set_alpn_protocols(["h2"])
    listener = socket.create_server(("127.0.0.1", 0))
    with open(port, "w", encoding="ascii") as f:
        print(listener.getsockname()[1], file=f)
    while True:
        raw, _ = listener.accept()
        threading.Thread(target=connection, args=(raw, context, count), daemon=True).start()


main()
