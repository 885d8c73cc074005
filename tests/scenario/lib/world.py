"""What a scenario runs in: its own built-in log and its own relay, on free ports."""
import http.client
import json
import os
import re
import signal
import socket
import subprocess
import sys
import time

from .authority import Authority
from .client import Client
from .signing import Signer
from .tap import Tap

WAIT = 20.0  # for a barrier or a condition
POLL = 0.02
PASS_SOCKET = os.path.join(os.path.dirname(os.path.abspath(__file__)), "..", "..", "commands", "pass_socket.py")
SANITIZER = re.compile(r"ERROR: \w+Sanitizer|runtime error:|WARNING: MemorySanitizer")


def clean_environment():
    env = {k: v for k, v in os.environ.items()
           if not k.startswith("SIGRELAY_") and "proxy" not in k.lower()}
    env.setdefault("UBSAN_OPTIONS", "print_stacktrace=1")
    return env


class Process:
    """A sigrelay process whose output goes to files; stdout names where it listens."""

    def __init__(self, folder, name, argv, extra=None, held=None):
        """held: a listening socket that it gets as systemd passes one."""
        if held:
            argv = [sys.executable, PASS_SOCKET, "listen", f"fd:{held.fileno()}", *argv]
        self.name = name
        self.out_path = os.path.join(folder, name + ".out")
        self.err_path = os.path.join(folder, name + ".err")
        with open(self.out_path, "wb") as out, open(self.err_path, "wb") as err:
            self.p = subprocess.Popen(argv, stdin=subprocess.DEVNULL, stdout=out, stderr=err,
                                      env={**clean_environment(), **(extra or {})}, cwd=folder,
                                      pass_fds=(held.fileno(),) if held else ())

    def out(self):
        with open(self.out_path, encoding="utf-8", errors="replace") as f:
            return f.read()

    def err(self):
        with open(self.err_path, encoding="utf-8", errors="replace") as f:
            return f.read()

    def says(self, pattern):
        """The first group of a line of stdout that begins so; waits for it."""
        found = until(lambda: re.search(pattern, self.out(), re.M) or self.p.poll() is not None,
                      f"{self.name} to say {pattern!r}")
        if found is True:
            raise AssertionError(f"{self.name} ended with {self.p.returncode}: {self.err()[-800:]}")
        return found.group(1)

    def exit_code(self, seconds=WAIT):
        try:
            return self.p.wait(seconds)
        except subprocess.TimeoutExpired:
            raise AssertionError(f"{self.name} still runs after {seconds:.0f} s") from None

    def kill(self):
        if self.p.poll() is None:
            self.p.kill()
            self.p.wait()


def until(condition, what, seconds=WAIT):
    """Polls until the condition is true; its value."""
    end = time.monotonic() + seconds
    while True:
        value = condition()
        if value:
            return value
        if time.monotonic() > end:
            raise AssertionError(f"waited {seconds:.0f} s for {what}")
        time.sleep(POLL)


class World:
    def __init__(self, binary, folder):
        self.binary = binary
        self.folder = folder
        self.rules = []
        self.settings = {}
        self.want_tap = False
        self.want_socket = False
        self.authority = None  # of the listener's certificate, where it speaks TLS
        self.identity = None  # (certificate, key) that clients show
        self.log = self.relay = self.tap = None
        self.outer = None  # the fleet's relay, where the clients' points at one
        self.outer_settings = None
        self.held = None  # the listener's socket, where the relay gets it from elsewhere
        self.environment = {}  # the relay's, beside what every process gets
        self.log_port = None
        self.clients = {}
        self.entries = {}
        self.secrets = []
        self.signer = None
        self.mark = 0.0
        self.own_queries = 0  # of the harness itself, past the relay
        self.tree_id = None

    # ---- the log ----
    def start_log(self):
        self.log = Process(self.folder, "log", [self.binary, "builtin-log", "--listen", "127.0.0.1:0"])
        self.log_port = int(self.log.says(r"listening on http://127\.0\.0\.1:(\d+)"))
        info = self.direct("GET", "/api/v1/log")[1]
        self.tree_id = int(json.loads(info)["treeID"])
        self.own_queries = 1
        self.control("POST", "script", "".join(rule + "\n" for rule in self.rules))

    def control(self, method, path, body=None):
        c = http.client.HTTPConnection("127.0.0.1", self.log_port, timeout=WAIT)
        try:
            c.request(method, "/_control/" + path, body=body)
            answer = c.getresponse()
            data = answer.read()
        except (socket.timeout, TimeoutError):
            raise AssertionError(f"the log's {path} did not answer in {WAIT:.0f} s; its state: "
                                 f"{self.control('GET', 'state')}") from None
        finally:
            c.close()
        if answer.status != 200:
            raise AssertionError(f"/_control/{path}: {answer.status} {data!r}")
        return json.loads(data) if data.startswith(b"{") else data.decode()

    def direct(self, method, path, body=None):
        """Asks the log itself, past the relay."""
        c = http.client.HTTPConnection("127.0.0.1", self.log_port, timeout=WAIT)
        c.request(method, path, body=body, headers={"Content-Type": "application/json"} if body else {})
        answer = c.getresponse()
        data = answer.read()
        c.close()
        return answer.status, data

    def token(self, lifetime="10m"):
        token = self.control("POST", "token", json.dumps({"lifetime": lifetime}))["token"]
        self.secrets.append(token)
        return token

    # ---- entries ----
    def pen(self):
        if not self.signer:
            self.signer = Signer(self.folder)
        return self.signer

    def entry(self, name, verifier=None):
        self.entries[name] = self.pen().entry(self.tree_id, verifier)
        return self.entries[name]

    # ---- the relay ----
    def write_settings(self):
        with open(os.path.join(self.folder, "relay.ini"), "w", encoding="utf-8") as f:
            f.write("[sigrelay]\n")
            f.writelines(f"{k} = {v}\n" for k, v in self.settings.items())

    def start_outer(self, url):
        """The fleet's relay: mutual TLS, between the clients' relay and the log."""
        ca = Authority(self.folder, "fleet-ca")
        cert, key = ca.issue("fleet")
        settings = {"rekor_url": url, "fulcio_url": url, "tsa_url": url, "listen": "127.0.0.1:0",
                    "admin_listen": "127.0.0.1:0", "tls_cert_file": cert, "tls_key_file": key,
                    "tls_client_ca_file": ca.cert, **self.outer_settings}
        with open(os.path.join(self.folder, "outer.ini"), "w", encoding="utf-8") as f:
            f.write("[sigrelay]\n")
            f.writelines(f"{k} = {v}\n" for k, v in settings.items())
        self.outer = Process(self.folder, "outer", [self.binary, "serve", "--config", "outer.ini"])
        self.outer_admin = int(self.outer.says(r"^admin on http://127\.0\.0\.1:(\d+)"))
        cert, key = ca.issue("job")
        self.settings = {"ca_file": ca.cert, "upstream_cert_file": cert, "upstream_key_file": key,
                         **self.settings}
        return self.outer.says(r"^listening on (https://\S+)")

    def start_relay(self, name="relay"):
        if self.want_tap:
            self.tap = Tap(self.log_port)
        url = f"http://127.0.0.1:{self.tap.port if self.tap else self.log_port}"
        if self.outer_settings is not None:
            url = self.start_outer(url)
        listen = "unix:" + os.path.join(self.folder, "s") if self.want_socket else "127.0.0.1:0"
        if self.held:
            listen = "%s:%d" % self.held.getsockname()
        defaults = {"rekor_url": url, "fulcio_url": url, "tsa_url": url, "listen": listen,
                    "admin_listen": "127.0.0.1:0"}
        self.settings = {**defaults, **self.settings}
        self.write_settings()
        self.relay = Process(self.folder, name, [self.binary, "serve", "--config", "relay.ini"],
                             self.environment, self.held)
        self.admin_port = int(self.relay.says(r"^admin on http://[\d.]+:(\d+)"))
        url = self.relay.says(r"^listening on (\S+)")
        self.address = url[5:] if url.startswith("unix:") else ("127.0.0.1", int(url.rsplit(":", 1)[1]))

    def speak_tls(self, mutual):
        self.authority = Authority(self.folder)
        cert, key = self.authority.issue("relay")
        self.settings.update(tls_cert_file=cert, tls_key_file=key)
        if mutual:
            self.settings["tls_client_ca_file"] = self.authority.cert
            self.identity = self.authority.issue("runner")

    def client(self, name):
        if name not in self.clients:
            admin = name.startswith("admin")
            tls = self.authority.context(self.identity) if self.authority and not admin else None
            self.clients[name] = (Client(name, ("127.0.0.1", self.admin_port), tls, "localhost") if admin
                                  else Client(name, self.address, tls))
        return self.clients[name]

    def admin(self, path, port=None):
        c = http.client.HTTPConnection("127.0.0.1", port or self.admin_port, timeout=WAIT)
        c.request("GET", path)
        data = c.getresponse().read().decode()
        c.close()
        return data

    def metric(self, wanted, outer=False):
        """The sum of the series of that name which have those labels."""
        m = re.fullmatch(r"(\w+)(?:\{(.*)\})?", wanted)
        labels = [part.split("=", 1) for part in (m.group(2) or "").split(",") if part]
        found, total = False, 0.0
        for line in self.admin("/metrics", self.outer_admin if outer else None).splitlines():
            s = re.fullmatch(r"(\w+)(?:\{(.*)\})? (\S+)", line)
            if not s or s.group(1) != m.group(1):
                continue
            have = dict(re.findall(r'(\w+)="([^"]*)"', s.group(2) or ""))
            if all(have.get(k) == v.strip('"') for k, v in labels):
                found, total = True, total + float(s.group(3))
        if not found:
            raise AssertionError(f"no series {wanted} in /metrics")
        return total

    def status(self, path):
        value = json.loads(self.admin("/status"))
        for key in path.split("."):
            value = value[key]
        return value

    def lines(self, event, *fields):
        return [line for line in self.relay.err().splitlines()
                if re.match(rf"\S+ \w+ {event} ", line) and all(field in line for field in fields)]

    # ---- the end ----
    def leave(self):
        """What holds for every scenario, whatever it was about."""
        for c in self.clients.values():
            c.close()
        shown = ""
        if self.relay and self.relay.p.poll() is None:
            shown = self.admin("/metrics") + self.admin("/status")
            self.relay.p.send_signal(signal.SIGTERM)
            code = self.relay.exit_code()
            if code != 0:
                raise AssertionError(f"the relay ended with {code} on SIGTERM: {self.relay.err()[-1500:]}")
        if self.outer and self.outer.p.poll() is None:
            shown += self.admin("/metrics", self.outer_admin) + self.admin("/status", self.outer_admin)
            self.outer.p.send_signal(signal.SIGTERM)
            if self.outer.exit_code() != 0:
                raise AssertionError(f"the fleet's relay ended with {self.outer.p.returncode}: "
                                     f"{self.outer.err()[-1500:]}")
        if self.log and self.log.p.poll() is None:
            self.log.p.send_signal(signal.SIGTERM)
            if self.log.exit_code() != 0:
                raise AssertionError(f"the log ended with {self.log.p.returncode}: {self.log.err()[-1500:]}")
        for p in filter(None, (self.relay, self.outer, self.log)):
            if SANITIZER.search(p.err()):
                raise AssertionError(f"a sanitizer report of the {p.name}: {p.err_path}")
        for p in filter(None, (self.relay, self.outer)):
            shown += p.out() + p.err()
        for secret in self.secrets:
            if secret in shown or secret.split(".")[-1] in shown:
                raise AssertionError("a token stands in the relay's output, metrics or status")

    def kill(self):
        for c in self.clients.values():
            c.close()
        for p in filter(None, (self.relay, self.outer, self.log)):
            p.kill()
        if self.tap:
            self.tap.close()
