"""A Redis of its own, a built-in log, and the relays between them."""
import http.client
import json
import os
import re
import signal
import socket
import subprocess
import sys

HERE = os.path.dirname(os.path.abspath(__file__))
sys.path[:0] = [os.path.join(HERE, "..", "scenario")]

from lib.client import Client  # noqa: E402
from lib.world import SANITIZER, Process, World, until  # noqa: E402

FAST = {"probe_interval": "300ms", "probe_max": "600ms", "backoff_base": "10ms", "backoff_max": "50ms",
        "poll_interval": "20ms", "retry_for": "60s", "rate_limit": "0", "redis_timeout": "50ms",
        "retry_budget": "100 %", "retry_budget_floor": "1000"}


class Skip(Exception):
    """What this machine cannot do, and so cannot show."""


def free_port():
    with socket.socket() as s:
        s.bind(("127.0.0.1", 0))
        return s.getsockname()[1]


class Redis:
    def __init__(self, folder, *options):
        self.folder, self.options = folder, options
        self.port, self.socket = free_port(), os.path.join(folder, "redis.sock")
        self.p = None
        self.start()

    def start(self):
        with open(os.path.join(self.folder, "redis.log"), "ab") as log:
            self.p = subprocess.Popen(
                ["redis-server", "--port", str(self.port), "--bind", "127.0.0.1", "--unixsocket", self.socket,
                 "--save", "", "--appendonly", "no", "--dir", self.folder, *self.options],
                stdin=subprocess.DEVNULL, stdout=log, stderr=log)
        until(self.answers, "Redis to answer")

    def answers(self):
        try:
            return b"PONG" in self.ask("PING") or b"NOAUTH" in self.ask("PING")
        except OSError:
            return False

    def ask(self, *words):
        """One command, past the relays; the raw answer's first bytes."""
        with socket.socket(socket.AF_UNIX) as s:
            s.settimeout(5)
            s.connect(self.socket)
            s.sendall(b"*%d\r\n" % len(words) + b"".join(b"$%d\r\n%s\r\n" % (len(w.encode()), w.encode()) for w in words))
            return s.recv(65536)

    def keys(self):
        found = self.ask("KEYS", "*")
        return [line for line in found.decode().split("\r\n") if line and line[0] not in "*$"]

    def url(self):
        return f"redis://127.0.0.1:{self.port}"

    def signal(self, number):
        os.kill(self.p.pid, number)

    def stop(self):
        if self.p and self.p.poll() is None:
            self.signal(signal.SIGCONT)
            self.p.kill()
            self.p.wait()


class Relay:
    def __init__(self, fleet, name, settings):
        self.name, self.fleet = name, fleet
        url = f"http://127.0.0.1:{fleet.log_port}"
        values = {"rekor_url": url, "fulcio_url": url, "tsa_url": url, "listen": "127.0.0.1:0",
                  "admin_listen": "127.0.0.1:0", **FAST, **settings}
        with open(os.path.join(fleet.folder, name + ".ini"), "w", encoding="utf-8") as f:
            f.write("[sigrelay]\n" + "".join(f"{k} = {v}\n" for k, v in values.items()))
        self.process = Process(fleet.folder, name, [fleet.binary, "serve", "--config", name + ".ini"])
        self.admin_port = int(self.process.says(r"^admin on http://[\d.]+:(\d+)"))
        self.port = int(self.process.says(r"^listening on http://[\d.]+:(\d+)"))
        self.address = ("127.0.0.1", self.port)

    def admin(self, path):
        c = http.client.HTTPConnection("127.0.0.1", self.admin_port, timeout=20)
        c.request("GET", path)
        data = c.getresponse().read().decode()
        c.close()
        return data

    def status(self):
        return json.loads(self.admin("/status"))

    def state(self, side="write", service="rekor"):
        return self.status()["services"][service][side]["state"]

    def redis(self):
        return self.status()["fleet"]["redis"]

    def relays(self):
        return self.status()["fleet"]["relays"]

    def metric(self, name):
        return sum(float(line.rsplit(" ", 1)[1]) for line in self.admin("/metrics").splitlines()
                   if re.match(re.escape(name) + r"(\{| )", line))

    def lines(self, event):
        return [line for line in self.process.err().splitlines() if re.match(rf"\S+ \w+ {event}( |$)", line)]

    def client(self):
        return Client(self.name, self.address)

    def post(self, entry):
        """Without waiting for the answer."""
        c = self.client()
        c.send("POST", "/api/v1/log/entries", ["Content-Type: application/json"], entry.posted)
        return c

    def create(self, entry):
        answer = self.post(entry).receive()
        if answer.status != 201 or entry.id.encode() not in answer.body:
            raise AssertionError(f"{self.name}: not the entry's 201: {answer}")
        return answer

    def get(self, path):
        c = self.client()
        c.send("GET", path)
        return c.receive()


class Fleet(World):
    """redis: a Redis, or None. Secrets must not stand in any output of a relay."""

    def __init__(self, binary, folder):
        super().__init__(binary, folder)
        self.redis, self.relays = None, []
        self.start_log()

    def start_redis(self, *options):
        self.redis = Redis(self.folder, *options)
        return self.redis

    def start(self, count=1, connected=True, **settings):
        settings.setdefault("redis_url", self.redis.url() if self.redis else "")
        new = [Relay(self, f"relay{len(self.relays) + i}", settings) for i in range(count)]
        self.relays += new
        if connected:
            for r in new:
                until(lambda r=r: r.redis() == "up", f"{r.name} to be connected")
            until(lambda: all(r.relays() == len(self.relays) for r in self.relays), "the relays to see one another")
        return new

    def fail(self, fault="all always status 502"):
        self.control("POST", "script", fault + "\n")

    def heal(self):
        self.control("POST", "clear")

    def counted(self, what="create"):
        return self.control("GET", "state")[what]

    def open(self, relay, entries=5):
        """The log is down, and this relay finds it out. Its clients wait on."""
        waiting = [relay.post(self.entry(f"{relay.name}-{i}")) for i in range(entries)]
        until(lambda: relay.state() == "open", f"{relay.name} to open")
        return waiting

    def leave(self):
        for r in self.relays:
            shown = r.admin("/metrics") + r.admin("/status") + r.admin("/")
            r.process.p.send_signal(signal.SIGTERM)
            code = r.process.exit_code(40)
            err = r.process.err()
            if code != 0 or SANITIZER.search(err):
                raise AssertionError(f"{r.name} ended with {code}: {err[-1500:]}")
            for secret in self.secrets:
                if secret in shown + r.process.out() + err:
                    raise AssertionError(f"a secret stands in what {r.name} shows")

    def kill(self):
        for r in self.relays:
            r.process.kill()
        if self.redis:
            self.redis.stop()
        super().kill()
