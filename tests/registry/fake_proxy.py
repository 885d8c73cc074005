#!/usr/bin/env python3
"""A proxy that knows CONNECT, and leads each name to an address of this machine: what
speaks to https://ghcr.io is tested without a change to it, by https_proxy and a
certificate authority of the test's own.

    with FakeProxy({"ghcr.io:443": registry.host}) as p:
        …  https_proxy=p.url; p.connects is what was asked for
"""
import os
import socket
import socketserver
import subprocess
import threading


def pump(a, b):
    try:
        while True:
            data = a.recv(65536)
            if not data:
                break
            b.sendall(data)
    except OSError:
        pass
    for s in (a, b):
        try:
            s.shutdown(socket.SHUT_RDWR)
        except OSError:
            pass


class ProxyHandler(socketserver.StreamRequestHandler):
    def handle(self):
        words = self.rfile.readline().split()
        while self.rfile.readline().strip():
            pass
        target = words[1].decode() if len(words) == 3 and words[0] == b"CONNECT" else ""
        proxy = self.server.proxy
        proxy.connects.append(target)
        if target not in proxy.names:
            self.wfile.write(b"HTTP/1.1 502 Bad Gateway\r\nContent-Length: 0\r\n\r\n")
            return
        host, _, port = proxy.names[target].rpartition(":")
        with socket.create_connection((host, int(port))) as upstream:
            self.wfile.write(b"HTTP/1.1 200 OK\r\n\r\n")
            back = threading.Thread(target=pump, args=(upstream, self.connection), daemon=True)
            back.start()
            pump(self.connection, upstream)
            back.join()


class FakeProxy(socketserver.ThreadingTCPServer):
    allow_reuse_address = True
    daemon_threads = True

    def __init__(self, names):
        super().__init__(("127.0.0.1", 0), ProxyHandler)
        self.proxy = self
        self.names = names
        self.connects = []
        self.url = "http://127.0.0.1:%d" % self.server_address[1]

    def __enter__(self):
        threading.Thread(target=self.serve_forever, args=(0.05,), daemon=True).start()
        return self

    def __exit__(self, *_):
        self.shutdown()
        self.server_close()


def make_certificate(folder, name):
    """An authority and a certificate of its own for the name: (ca, certificate, key)."""
    ca, ca_key, cert, key, request, names = (os.path.join(folder, n) for n in (
        "ca.pem", "ca.key", "cert.pem", "key.pem", "request.pem", "names"))
    with open(names, "w") as f:
        f.write("subjectAltName=DNS:%s\n" % name)

    def openssl(*args):
        subprocess.run(["openssl", *args], check=True, stdout=subprocess.DEVNULL, stderr=subprocess.DEVNULL)

    curve = ("-newkey", "ec", "-pkeyopt", "ec_paramgen_curve:P-256", "-nodes")
    openssl("req", "-x509", *curve, "-days", "2", "-subj", "/CN=test authority", "-keyout", ca_key, "-out", ca)
    openssl("req", *curve, "-subj", "/CN=" + name, "-keyout", key, "-out", request)
    openssl("x509", "-req", "-in", request, "-CA", ca, "-CAkey", ca_key, "-set_serial", "1", "-days", "2",
            "-extfile", names, "-out", cert)
    return ca, cert, key
