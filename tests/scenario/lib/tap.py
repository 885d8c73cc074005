"""A tap between the relay and the log: keeps every exchange as bytes, and can say the few things
that the built-in log cannot (gzip, an answer word for word)."""
import gzip
import http.client
import threading
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer


class Exchange:
    def __init__(self, method, path, headers, request):
        self.method, self.path, self.headers, self.request = method, path, headers, request
        self.status = None
        self.body = b""


class Tap:
    def __init__(self, log_port):
        self.log_port = log_port
        self.exchanges = []
        self.gzip = False
        self.trailers = {}  # of a chunked answer
        self.canned = []  # [method, path, status, body]: used up in order
        self.lock = threading.Lock()
        tap = self

        class Handler(BaseHTTPRequestHandler):
            protocol_version = "HTTP/1.1"

            def log_message(self, format, *args):  # noqa: A002 (the base class's name)
                pass

            def do_GET(self):
                tap.serve(self)

            do_POST = do_HEAD = do_GET

        class Server(ThreadingHTTPServer):
            def handle_error(self, request, client_address):
                pass  # the relay hung up: it may

        self.server = Server(("127.0.0.1", 0), Handler)
        self.server.daemon_threads = True
        self.port = self.server.server_address[1]
        threading.Thread(target=self.server.serve_forever, args=(0.05,), daemon=True).start()

    def close(self):
        self.server.shutdown()
        self.server.server_close()

    def canned_for(self, x):
        with self.lock:
            for c in self.canned:
                if (c[0], c[1]) == (x.method, x.path):
                    self.canned.remove(c)
                    return c
        return None

    def ask_log(self, x):
        up = http.client.HTTPConnection("127.0.0.1", self.log_port, timeout=30)
        up.request(x.method, x.path, body=x.request or None,
                   headers={k: v for k, v in x.headers if k.lower() not in ("host", "content-length")})
        answer = up.getresponse()
        body = answer.read()
        up.close()
        return answer.status, answer.getheaders(), body

    def serve(self, h):
        length = int(h.headers.get("Content-Length") or 0)
        x = Exchange(h.command, h.path, h.headers.items(), h.rfile.read(length))
        with self.lock:
            self.exchanges.append(x)
        canned = self.canned_for(x)
        if canned:
            status, headers, body = int(canned[2]), [("Content-Type", "application/json")], canned[3]
        else:
            status, headers, body = self.ask_log(x)
        x.status, x.body = status, body
        wire = gzip.compress(body) if self.gzip else body
        h.send_response_only(status)
        for name, value in headers:
            if name.lower() not in ("content-length", "connection", "transfer-encoding"):
                h.send_header(name, value)
        if self.gzip:
            h.send_header("Content-Encoding", "gzip")
        if self.trailers:
            self.send_chunked(h, wire)
            return
        h.send_header("Content-Length", str(len(wire)))
        h.end_headers()
        if x.method != "HEAD":
            h.wfile.write(wire)

    def send_chunked(self, h, wire):
        h.send_header("Transfer-Encoding", "chunked")
        h.end_headers()
        h.wfile.write(b"%x\r\n%s\r\n0\r\n" % (len(wire), wire))
        h.wfile.write("".join(f"{k}: {v}\r\n" for k, v in self.trailers.items()).encode() + b"\r\n")
