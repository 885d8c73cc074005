"""Redis is never in the way: each goes on alone at once, says so once, and comes back."""
import os
import signal
import socket
import subprocess
import threading
import time

from world import SANITIZER, Process, Redis, Skip, free_port, until


def creates(fleet, relay, count=5, seconds=5.0):
    """Answered, and not only after Redis would have been."""
    began = time.monotonic()
    for i in range(count):
        relay.create(fleet.entry(f"{relay.name}-alone-{i}"))
    took = time.monotonic() - began
    assert took < seconds, f"{count} creates took {took:.1f} s"


def down_once(relays, times=1):
    for r in relays:
        until(lambda r=r: r.redis() == "down" and r.lines("redis_down"), f"{r.name} to see that Redis is away")
        assert len(r.lines("redis_down")) == times, r.lines("redis_down")


def up_again(relays, times=2):
    for r in relays:
        until(lambda r=r: r.redis() == "up" and len(r.lines("redis_up")) >= times, f"{r.name} to be back with Redis")
        assert len(r.lines("redis_up")) == times, r.lines("redis_up")


def test_redis_that_hangs(fleet):
    fleet.start_redis()
    relays = fleet.start(2)
    fleet.redis.signal(signal.SIGSTOP)
    for r in relays:
        creates(fleet, r)
    down_once(relays)
    creates(fleet, relays[0])
    fleet.redis.signal(signal.SIGCONT)
    up_again(relays)
    assert fleet.counted() == 15


def test_redis_that_restarts(fleet):
    fleet.start_redis()
    relays = fleet.start(2)
    fleet.redis.stop()
    down_once(relays)
    for r in relays:
        creates(fleet, r)
    fleet.redis.start()
    up_again(relays)
    fleet.fail()
    waiting = fleet.open(relays[0])
    until(lambda: relays[1].state() == "open", "the outage to be heard after the restart")
    fleet.heal()
    assert [w.receive().status for w in waiting] == [201] * 5


def test_redis_that_is_not_there_at_first(fleet):
    port = free_port()
    (a,) = fleet.start(1, connected=False, redis_url=f"redis://localhost:{port}")
    creates(fleet, a)
    down_once([a])
    creates(fleet, a)


def test_no_such_host_or_socket(fleet):
    a, = fleet.start(1, connected=False, redis_url="unix:/nowhere/redis.sock")
    b, = fleet.start(1, connected=False, redis_url="redis://no-such-host.invalid")
    for r in (a, b):
        creates(fleet, r)
    down_once([a, b])


def test_a_name_server_that_says_nothing(fleet):
    """A look-up of its name is under way when the relay ends."""
    alone = ["unshare", "--net"]  # without a network
    if subprocess.run(alone + ["true"], capture_output=True, check=False).returncode:
        raise Skip("no network namespace can be made here")
    p = Process(fleet.folder, "alone", alone + [
        fleet.binary, "serve", f"--listen=unix:{fleet.folder}/alone.sock", "--admin-listen=127.0.0.1:0",
        "--redis-url=redis://redis.example", "--log-level=debug"])
    until(lambda: "redis_down" in p.err(), "it to see that Redis is away")
    p.p.send_signal(signal.SIGTERM)
    code = p.exit_code(40)
    assert code == 0 and not SANITIZER.search(p.err()), f"it ended with {code}: {p.err()[-1500:]}"


def test_outage_outlives_a_flush(fleet):
    """A Redis that has forgotten says neither that the log is up nor that it is down."""
    redis = fleet.start_redis()
    relays = fleet.start(3, probe_interval="3s", probe_max="3s")  # so that no probe speaks first
    fleet.fail()
    waiting = fleet.open(relays[0])
    until(lambda: all(r.state() != "closed" for r in relays), "all to be open")
    redis.ask("FLUSHALL")
    until(lambda: any(":outage:" in k for k in redis.keys()), "it to be told again")
    until(lambda: all(r.relays() == 3 for r in relays), "the relays to see one another again")
    for r in relays:
        assert r.state() != "closed", f"{r.name} took a flush for a recovery"
        assert not [line for line in r.lines("breaker") if "to=closed" in line]
    fleet.heal()
    assert [w.receive().status for w in waiting] == [201] * 5
    until(lambda: all(r.state() == "closed" for r in relays), "all to be closed")


def test_outage_while_redis_is_gone(fleet):
    """Each finds out by itself, probes by itself and recovers by itself."""
    fleet.start_redis()
    relays = fleet.start(2)
    fleet.redis.stop()
    down_once(relays)
    fleet.fail()
    waiting = [w for r in relays for w in fleet.open(r)]
    fleet.heal()
    assert [w.receive().status for w in waiting] == [201] * 10
    until(lambda: all(r.state() == "closed" for r in relays), "both to be closed")


def test_redis_dies_in_an_outage(fleet):
    fleet.start_redis()
    relays = fleet.start(2)
    fleet.fail()
    waiting = fleet.open(relays[0])
    until(lambda: relays[1].state() == "open", "it to be heard")
    waiting += [relays[1].post(fleet.entry("parked"))]
    fleet.redis.stop()
    down_once(relays)
    fleet.heal()
    assert [w.receive().status for w in waiting] == [201] * 6


def test_an_outage_that_ended_while_redis_was_away(fleet):
    """What was said of it stands in Redis still, and is past."""
    fleet.start_redis()
    a, b = fleet.start(2)
    fleet.fail()
    waiting = fleet.open(a)
    until(lambda: b.state() == "open", "it to be heard")
    fleet.redis.signal(signal.SIGSTOP)
    down_once([a, b])
    fleet.heal()
    assert [w.receive().status for w in waiting] == [201] * 5
    b.create(fleet.entry("of-b"))
    fleet.redis.signal(signal.SIGCONT)
    up_again([a, b])
    until(lambda: b"up " in b"".join(fleet.redis.ask("GET", k) for k in fleet.redis.keys() if ":outage:" in k),
          "it to be unsaid")
    for r in (a, b):
        assert r.state() == "closed", f"{r.name} opened for an outage that is over"
        opened = [line for line in r.lines("breaker") if "from=closed" in line]
        assert len(opened) == 1, opened


def test_an_address_that_leads_to_another_redis(fleet):
    """The first becomes a replica, as in a failover, and takes no more words."""
    first = fleet.start_redis()
    way = Slow(first)
    way.start()
    a, b = fleet.start(2, redis_url=f"redis://127.0.0.1:{way.port}")
    folder = os.path.join(fleet.folder, "second")
    os.mkdir(folder)
    second = Redis(folder)
    try:
        way.redis = second
        first.ask("REPLICAOF", "127.0.0.1", str(second.port))
        up_again([a, b])
        assert all(len(r.lines("redis_down")) == 1 for r in (a, b)), a.process.err()[-800:]
        a.create(fleet.entry("e"))
        until(lambda: any(":entry:" in k for k in second.keys()), "it to be shared through the second")
    finally:
        way.listener.close()
        second.stop()


def test_a_lease_that_outlasts_every_interval(fleet):
    """The clock of Redis was set back, or its replica's is behind: the lease would stand for minutes."""
    redis = fleet.start_redis()
    (a,) = fleet.start(1)
    fleet.fail()
    waiting = fleet.open(a)
    (outage,) = [k for k in redis.keys() if ":outage:rekor" in k]
    redis.ask("SET", outage.replace(":outage:", ":probe:"), "nobody", "PX", "600000")
    fleet.heal()
    assert [w.receive().status for w in waiting] == [201] * 5


def test_wrong_password(fleet):
    redis = fleet.start_redis("--requirepass", "right")
    fleet.secrets.append("wrong-password")
    (a,) = fleet.start(1, connected=False, redis_url=f"redis://:wrong-password@127.0.0.1:{redis.port}")
    down_once([a])
    creates(fleet, a)
    assert "refuses the password" in a.lines("redis_down")[0], a.lines("redis_down")
    (b,) = fleet.start(1, connected=False, redis_url=redis.url())
    down_once([b])
    assert "NOAUTH" in b.lines("redis_down")[0], b.lines("redis_down")
    creates(fleet, b)


def test_redis_that_is_full(fleet):
    redis = fleet.start_redis("--maxmemory-policy", "noeviction")
    relays = fleet.start(2)
    redis.ask("CONFIG", "SET", "maxmemory", "1")
    down_once(relays)
    assert "OOM" in relays[0].lines("redis_down")[0], relays[0].lines("redis_down")
    for r in relays:
        creates(fleet, r)
    redis.ask("CONFIG", "SET", "maxmemory", "0")
    up_again(relays)


def test_keys_of_a_wrong_type(fleet):
    redis = fleet.start_redis()
    relays = fleet.start(2)
    redis.ask("DEL", "sigrelay:v1:relays:seen")
    redis.ask("SET", "sigrelay:v1:relays:seen", "a string")
    for r in relays:
        creates(fleet, r)
    redis.ask("DEL", "sigrelay:v1:relays:seen")
    until(lambda: all(r.redis() == "up" for r in relays), "both to be back")


class Nonsense(threading.Thread):
    """Takes connections and says this, whatever it is asked but PING; again and again, if it is to."""

    def __init__(self, text, at_once, again):
        super().__init__(daemon=True)
        self.text, self.at_once, self.again = text, at_once, again
        self.listener = socket.create_server(("127.0.0.1", 0))
        self.port, self.taken = self.listener.getsockname()[1], 0

    def run(self):
        while True:
            try:
                c = self.listener.accept()[0]
            except OSError:
                return
            self.taken += 1
            threading.Thread(target=self.talk, args=(c,), daemon=True).start()

    def talk(self, c):
        try:
            if self.at_once:
                c.sendall(self.text)
            while data := c.recv(65536):
                polite = b"PING" in data and b"AUTH" not in data and not self.at_once
                c.sendall(b"+PONG\r\n" if polite else self.text)
                while self.again and not polite:
                    c.sendall(self.text)
        except OSError:
            pass
        c.close()


class Slow(threading.Thread):
    """Passes everything on to Redis, and its replies back so much later, in pieces of so many bytes;
    half: the second half of what comes never arrives."""

    def __init__(self, redis, seconds=0.0, piece=65536):
        super().__init__(daemon=True)
        self.redis, self.seconds, self.piece, self.half = redis, seconds, piece, False
        self.listener = socket.create_server(("127.0.0.1", 0))
        self.port = self.listener.getsockname()[1]

    def run(self):
        while True:
            try:
                c = self.listener.accept()[0]
            except OSError:
                return
            c.setsockopt(socket.IPPROTO_TCP, socket.TCP_NODELAY, 1)
            s = socket.create_connection(("127.0.0.1", self.redis.port))
            for source, to, seconds in ((c, s, 0), (s, c, 1)):
                threading.Thread(target=self.pump, args=(source, to, seconds), daemon=True).start()

    def pump(self, source, to, back):
        try:
            while data := source.recv(65536):
                time.sleep(self.seconds * back)  # the slowness itself, no ordering
                if back and self.half:
                    data = data[:len(data) // 2]
                for i in range(0, len(data), self.piece if back else len(data)):
                    to.sendall(data[i:i + self.piece] if back else data)
        except OSError:
            pass
        for s in (source, to):
            try:
                s.shutdown(socket.SHUT_RDWR)
            except OSError:
                pass


def test_redis_that_is_slow(fleet):
    slow = Slow(fleet.start_redis(), 0.2)
    slow.start()
    (a,) = fleet.start(1, connected=False, redis_url=f"redis://127.0.0.1:{slow.port}")
    down_once([a])
    creates(fleet, a)
    slow.seconds = 0
    up_again([a], 1)
    slow.seconds = 0.2
    down_once([a], 2)
    creates(fleet, a)
    slow.seconds = 0
    up_again([a], 2)
    slow.listener.close()


def test_replies_that_come_byte_by_byte(fleet):
    way = Slow(fleet.start_redis(), piece=1)
    way.start()
    a, b = fleet.start(2, redis_url=f"redis://127.0.0.1:{way.port}", redis_timeout="2s")
    entry = fleet.entry("e")
    a.create(entry)
    until(lambda: any(":create:" in k for k in fleet.redis.keys()), "it to be shared")
    b.create(entry)
    assert fleet.counted() == 1 and b.lines("from_fleet"), "the other relay did not read it"
    assert not a.lines("redis_down") and not b.lines("redis_down")
    way.listener.close()


def test_half_a_reply(fleet):
    """The rest never comes: the connection is given up, and a new one is whole."""
    way = Slow(fleet.start_redis())
    way.start()
    (a,) = fleet.start(1, redis_url=f"redis://127.0.0.1:{way.port}")
    way.half = True
    down_once([a])
    creates(fleet, a)
    way.half = False
    up_again([a])
    creates(fleet, a)
    way.listener.close()


GARBAGE = {
    "http": (b"HTTP/1.1 400 Bad Request\r\n\r\n<html>", False, False),
    "unasked": (b"+OK\r\n", True, True),
    "wrong-kind": (b"+OK\r\n", False, False),
    "numbers": (b":-1\r\n", False, False),
    "echo": (b"-ERR unknown command 'AUTH', with args beginning with: 'its-password'\r\n", False, False),
    "huge-array": (b"*2147483647\r\n", False, False),
    "long-array": (b"*1000000\r\n", False, False),
    "huge-string": (b"$536870912\r\n", False, False),
    "endless-string": (b"$536870912\r\n" + b"x" * 65536, False, True),
    "nested": (b"*1\r\n" * 64, False, False),
    "empty-array": (b"*0\r\n", False, False),
    "look-of-nulls": (b"*8\r\n:1\r\n:1\r\n" + b"$-1\r\n" * 6, False, False),
    "resp3": (b"%2\r\n+a\r\n:1\r\n+b\r\n:2\r\n", False, False),
    "bytes": (bytes(range(256)), True, False),
    "nothing": (b"", False, False),
}


def nonsense(fleet, names):
    for name in names:
        server = Nonsense(*GARBAGE[name])
        server.start()
        (a,) = fleet.start(1, connected=False, redis_url=f"redis://:its-password@127.0.0.1:{server.port}"
                           if name in ("http", "echo") else f"redis://127.0.0.1:{server.port}")
        fleet.secrets.append("its-password")
        down_once([a])
        creates(fleet, a)
        until(lambda: server.taken + len(a.lines("redis_down")) >= 2, f"it to be tried again ({name})")
        creates(fleet, a)
        if name == "long-array":
            assert "protocol" in a.lines("redis_down")[0], "a million places were made for an answer"
        assert len(a.lines("redis_down")) == 1 and not a.lines("redis_up"), f"{name}: {a.process.err()[-600:]}"
        server.listener.close()


def test_nonsense_of_bytes(fleet):
    nonsense(fleet, ["http", "echo", "unasked", "bytes", "long-array", "resp3", "nested", "huge-array", "huge-string"])


def test_nonsense_of_replies(fleet):
    nonsense(fleet, ["wrong-kind", "numbers", "empty-array", "look-of-nulls", "endless-string", "nothing"])


def test_why_it_is_not_taken_at_the_door(fleet):
    fleet.secrets.append("its-password")
    for said, cause in ((b"-LOADING Redis is loading the dataset in memory\r\n", "it answers with an error: LOADING"),
                        (b"-ERR invalid password\r\n", "it refuses the password or the database: ERR"),
                        (b":1\r\n", "its answer is none of Redis'")):
        server = Nonsense(said, False, False)
        server.start()
        (a,) = fleet.start(1, connected=False, redis_url=f"redis://:its-password@127.0.0.1:{server.port}")
        down_once([a])
        assert cause in a.lines("redis_down")[0], a.lines("redis_down")
        creates(fleet, a)
        server.listener.close()


def test_a_server_that_speaks_well_and_then_not(fleet):
    """Up, and then answers that mean nothing: words, leases and tokens of the wrong kind."""
    server = Nonsense(b"*8\r\n:3\r\n:1795500000000\r\n" + b"$9\r\ndown x -1\r\n" * 6, False, False)
    server.start()
    (a,) = fleet.start(1, connected=False, redis_url=f"redis://127.0.0.1:{server.port}", rate_limit="900/min")
    until(lambda: a.lines("redis_up"), "it to be taken for a Redis")
    creates(fleet, a, 3, 20)
    assert a.state() == "closed"
    server.listener.close()


def test_bad_settings(fleet):
    import subprocess
    for argv, says in ((["--redis-url", "http://127.0.0.1"], b"redis://"),
                       (["--redis-url", "redis://u:hush@host:99999"], b"a host or a port"),
                       (["--redis-url", "redis://host", "--redis-prefix", "x" * 200], b"redis_prefix"),
                       (["--redis-url", "redis://host/x"], b"a database"),
                       (["--redis-url", "redis://host", "--redis-password-file", "/nowhere"], b"redis_password_file")):
        p = subprocess.run([fleet.binary, "serve", "--listen", "127.0.0.1:0", "--admin-listen", "127.0.0.1:0", *argv],
                           stdout=subprocess.PIPE, stderr=subprocess.STDOUT, check=False, timeout=20)
        assert p.returncode not in (0, -signal.SIGABRT) and says in p.stdout and b"hush" not in p.stdout, \
            f"{argv}: {p.returncode} {p.stdout!r}"
