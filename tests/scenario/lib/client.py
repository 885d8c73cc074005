"""A raw HTTP client: it says what it is told to, garbage too, and reads what comes back."""
import socket
import ssl
import time

PATIENCE = 20.0  # for one answer


class Closed(Exception):
    """The relay closed or reset the connection before an answer was complete."""


class Answer:
    def __init__(self, status, headers, body):
        self.status = status
        self.headers = headers  # [(lower-case name, value)]
        self.body = body
        self.took = None

    def header(self, name):
        """The value of the only header of that name, or None."""
        found = [v for n, v in self.headers if n == name.lower()]
        if len(found) > 1:
            raise AssertionError(f"{len(found)} {name} headers: {found}")
        return found[0] if found else None

    def __str__(self):
        head = "; ".join(f"{n}: {v}" for n, v in self.headers)
        return f"{self.status} [{head}] {self.body[:600]!r}"


class Client:
    """One connection at a time; the next request opens another where the last was closed.
    address: (host, port), or a path for a UNIX socket. host: what its Host says."""

    def __init__(self, name, address, tls=None, host="relay.test"):
        self.name = name
        self.host = host
        self.address = address
        self.tls = tls  # an ssl.SSLContext; None: plain
        self.sock = None
        self.buffer = b""
        self.ends = False  # the relay said that it closes the connection
        self.answer = None
        self.methods = []  # of the requests that await their answer
        self.sent_at = time.monotonic()

    def connect(self):
        self.close()
        self.ends = False
        family = socket.AF_UNIX if isinstance(self.address, str) else socket.AF_INET
        self.sock = socket.socket(family, socket.SOCK_STREAM)
        self.sock.settimeout(PATIENCE)
        self.sock.connect(self.address)
        if self.tls:
            self.sock = self.tls.wrap_socket(self.sock)
        self.buffer = b""
        self.methods = []

    def raw(self, data):
        if self.sock is None or self.ends:
            self.connect()
        self.sent_at = time.monotonic()
        try:
            self.sock.sendall(data)
        except (BrokenPipeError, ConnectionResetError):
            pass  # refused in the middle: what was answered is still to be read

    def send(self, method, target, headers=(), body=None):
        names = {h.split(":", 1)[0].strip().lower() for h in headers}
        lines = [f"{method} {target} HTTP/1.1"]
        if "host" not in names:
            lines.append(f"Host: {self.host}")
        if body is not None and "content-length" not in names:
            lines.append(f"Content-Length: {len(body)}")
        lines += headers
        self.raw("\r\n".join(lines).encode("latin-1") + b"\r\n\r\n" + (body or b""))
        self.methods.append(method)

    def more(self):
        try:
            data = self.sock.recv(65536)
        except (ConnectionResetError, BrokenPipeError):
            data = b""
        except ssl.SSLEOFError:
            data = b""
        except socket.timeout:
            raise AssertionError(f"{self.name}: no answer in {PATIENCE:.0f} s") from None
        if not data:
            raise Closed(f"{self.name}: closed with {self.buffer[:200]!r} read")
        self.buffer += data

    def line_block(self):
        while b"\r\n\r\n" not in self.buffer:
            self.more()
        head, self.buffer = self.buffer.split(b"\r\n\r\n", 1)
        return head.decode("latin-1").split("\r\n")

    def exactly(self, n):
        while len(self.buffer) < n:
            self.more()
        data, self.buffer = self.buffer[:n], self.buffer[n:]
        return data

    def chunks(self):
        body = b""
        while True:
            while b"\r\n" not in self.buffer:
                self.more()
            size, self.buffer = self.buffer.split(b"\r\n", 1)
            n = int(size.split(b";")[0], 16)
            body += self.exactly(n)
            self.exactly(2)
            if n == 0:
                return body

    def until_closed(self):
        try:
            while True:
                self.more()
        except Closed:
            body, self.buffer = self.buffer, b""
            self.close()
            return body

    def receive(self):
        """The next answer. Closed when there is none."""
        if self.sock is None:
            raise Closed(f"{self.name}: not connected")
        status = 100
        while status == 100:
            first, *rest = self.line_block()
            version, status = first.split(" ")[0], int(first.split(" ")[1])
            if version not in ("HTTP/1.1", "HTTP/1.0"):
                raise AssertionError(f"{self.name}: not an HTTP answer: {first!r}")
        headers = [(n.strip().lower(), v.strip()) for n, v in (line.split(":", 1) for line in rest)]
        self.answer = answer = Answer(status, headers, b"")
        length, coding = answer.header("content-length"), answer.header("transfer-encoding")
        method = self.methods.pop(0) if self.methods else "GET"
        if method == "HEAD" or status in (204, 304):
            pass
        elif coding:
            answer.body = self.chunks()
        elif length is not None:
            answer.body = self.exactly(int(length))
        else:
            answer.body = self.until_closed()
        answer.took = time.monotonic() - self.sent_at
        self.ends = (answer.header("connection") or "").lower() == "close"
        return answer

    def half_close(self):
        try:
            self.sock.shutdown(socket.SHUT_WR)
        except OSError:
            pass  # the relay was faster

    def close(self, reset=False):
        if self.sock is None:
            return
        if reset:
            self.sock.setsockopt(socket.SOL_SOCKET, socket.SO_LINGER, b"\1\0\0\0\0\0\0\0")
        self.sock.close()
        self.sock = None
        self.methods = []
