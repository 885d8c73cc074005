"""What relays tell one another."""
import os
import re
import subprocess
import time

from world import until

KNOWN_WITHIN = 1.0


def test_outage_is_known_to_all_and_its_end_too(fleet):
    fleet.start_redis()
    a, b, c = fleet.start(3)
    fleet.fail()
    waiting = fleet.open(a)
    opened = time.monotonic()
    until(lambda: b.state() == c.state() == "open", "the others to hear of the outage")
    took = time.monotonic() - opened
    assert took < KNOWN_WITHIN, f"the outage was known after {took:.2f} s"
    assert b.metric('sigrelay_attempts_total') == 0, "the others learned of it by attempts of their own"
    assert b.lines("outage_heard"), "no outage_heard in the log"
    fleet.heal()
    until(lambda: a.state() == "closed", "the probe to succeed")
    closed = time.monotonic()
    until(lambda: b.state() == c.state() == "closed", "the others to hear of the recovery")
    took = time.monotonic() - closed
    assert took < KNOWN_WITHIN, f"the recovery was known after {took:.2f} s"
    assert [w.receive().status for w in waiting] == [201] * 5


def test_one_probe_an_interval_for_the_fleet(fleet):
    fleet.start_redis()
    relays = fleet.start(4, probe_interval="500ms", probe_max="500ms")
    fleet.fail()
    waiting = fleet.open(relays[0])
    until(lambda: all(r.state() != "closed" for r in relays), "all to be open")
    for r in relays[1:]:
        waiting += [r.post(fleet.entry(f"{r.name}-{i}")) for i in range(3)]
    began, before = time.monotonic(), fleet.counted()
    until(lambda: fleet.counted() >= before + 4, "four probes")
    probes, took = fleet.counted() - before, time.monotonic() - began
    assert probes <= took / 0.5 + 1, f"{probes} probes in {took:.2f} s, with one allowed every 0.5 s"
    fleet.heal()
    assert [w.receive().status for w in waiting] == [201] * len(waiting)


def test_retry_at_another_relay_gets_the_same_entry(fleet):
    fleet.start_redis()
    a, b = fleet.start(2)
    entry = fleet.entry("e")
    lost = a.post(entry)
    until(lambda: a.metric("sigrelay_in_flight") == 0 and fleet.counted() == 1, "the create to end")
    lost.close()  # its client never read the answer
    until(lambda: len([k for k in fleet.redis.keys() if ":create:" in k or ":entry:" in k]) == 2, "it to be shared")
    again = b.create(entry)
    assert again.header("etag") == entry.id and again.header("location").endswith(entry.id), str(again)
    assert fleet.counted() == 1, f"the log saw {fleet.counted()} POSTs"
    assert b.lines("from_fleet")


def test_entry_of_another_relay_while_the_log_is_down(fleet):
    fleet.start_redis()
    a, b = fleet.start(2)
    entry = fleet.entry("e")
    a.create(entry)
    until(lambda: any(":entry:" in k for k in fleet.redis.keys()), "it to be shared")
    fleet.fail("all always refuse")
    for key in (entry.id, entry.leaf):
        answer = b.get("/api/v1/log/entries/" + key)
        assert answer.status == 200 and entry.id.encode() in answer.body, str(answer)


def test_what_redis_says_is_not_believed(fleet):
    """Another's entry, a changed one, and junk under the key of a create."""
    redis = fleet.start_redis()
    a, b = fleet.start(2)
    known = fleet.entry("known")
    body = a.create(known).body.decode()

    def key_of(entry):
        found = [k for k in redis.keys() if ":create:" in k and entry.leaf.encode() in redis.ask("GET", k)]
        return found[0] if found else None
    until(lambda: key_of(known), "it to be shared")
    for i, (leaf, change) in enumerate((("its", lambda e: body),
                                        ("its", lambda e: body.replace(known.leaf, e.leaf)),
                                        ("its", lambda e: "{"), ("its", lambda e: "junk\n"),
                                        ("another's", lambda e: body), ("none's", lambda e: "x"))):
        wanted, before = fleet.entry(f"wanted{i}"), fleet.counted()
        a.create(wanted)
        until(lambda: key_of(wanted), "it to be shared")
        redis.ask("SET", f"sigrelay:v1:entry:{wanted.leaf}", change(wanted))
        redis.ask("SET", key_of(wanted), {"its": wanted.leaf, "another's": known.leaf}.get(leaf, "f" * 64))
        asked = len(b.lines("from_fleet"))
        answer = b.create(wanted)  # the log has it: 409, resolved
        assert answer.header("etag") == wanted.id and fleet.counted() == before + 2, f"case {i}: {answer}"
        assert len(b.lines("from_fleet")) == asked, f"case {i}: it was believed"


def test_rate_is_one_for_the_fleet(fleet):
    fleet.start_redis()
    relays = fleet.start(3, rate_limit="600/min", rate_burst="5")
    entries = [fleet.entry(str(i)) for i in range(30)]
    began = time.monotonic()
    clients = [relays[i % 3].post(e) for i, e in enumerate(entries)]
    statuses = [c.receive().status for c in clients]
    took, sent = time.monotonic() - began, fleet.counted()
    assert statuses == [201] * 30, statuses
    assert sent == 30, f"{sent} requests at the log"
    assert 2.4 <= took < 8, f"30 requests at ten a second and a burst of five took {took:.2f} s"


def test_429_lowers_the_rate_of_all(fleet):
    redis = fleet.start_redis()
    a, b = fleet.start(2, rate_limit="6000/min", rate_burst="50", retry_for="20s")
    assert b.get("/api/v1/log").status == 200
    fleet.fail("query 1 status 429")
    assert a.get("/api/v1/log").status == 200
    key = [k for k in redis.keys() if ":rate:rekor" in k][0]
    share = float(redis.ask("HGET", key, "share").split(b"\r\n")[1])
    assert 0.6 < share < 0.8, f"the rate's share is {share} after a 429"


def test_a_relay_that_is_cut_off_pulls_nobody_along(fleet):
    """Only its way to the log is broken: the others hear of it once, and then not again."""
    fleet.start_redis()
    well = fleet.start(2)
    (ill,) = fleet.start(1, attempt_timeout="10ms")
    fleet.fail("create always delay 100ms")
    waiting = fleet.open(ill, 6)
    entries = iter(range(1000))

    def probed():
        for r in well:
            r.create(fleet.entry(f"well-{next(entries)}"))
        return len(ill.lines("probe")) >= 8
    until(probed, "the ill one to probe again and again", 60)
    opened = [line for line in ill.lines("breaker") if "from=closed" in line]
    assert 2 <= len(opened) <= 3, f"the ill one opened {len(opened)} times"
    for r in well:
        heard = [line for line in r.lines("outage_heard") if "is open" in line]
        assert len(heard) == 1, f"{r.name} heard of the ill one's outage {len(heard)} times"
        assert r.state() == "closed"
    for w in waiting:
        w.close()
    fleet.heal()


def test_another_prefix_is_another_fleet(fleet):
    fleet.start_redis()
    (a,) = fleet.start(1, redis_prefix="one")
    (b,) = fleet.start(1, connected=False, redis_prefix="two")
    until(lambda: b.redis() == "up", "the second to be connected")
    fleet.fail()
    waiting = fleet.open(a)
    until(lambda: any(k.startswith("one:v1:outage:") for k in fleet.redis.keys()), "the outage to be told")
    looks = b.metric("sigrelay_redis_commands_total")
    until(lambda: b.metric("sigrelay_redis_commands_total") >= looks + 3, "the second to look again")
    assert b.state() == "closed" and not b.lines("outage_heard"), "an outage of another fleet's was heard"
    assert a.relays() == b.relays() == 1
    fleet.heal()
    assert [w.receive().status for w in waiting] == [201] * 5


def test_keys_have_a_life_and_hold_no_secret(fleet):
    redis = fleet.start_redis("--requirepass", "a/secret:word")
    fleet.secrets.append("a/secret:word")
    with open(os.path.join(fleet.folder, "password"), "w", encoding="ascii") as f:
        f.write("a/secret:word\n")
    (a,) = fleet.start(1, redis_password_file="password", redis_prefix="other", rate_limit="900/min")
    token = fleet.token()
    c = a.client()
    c.send("POST", "/api/v2/signingCert", ["Content-Type: application/json"], fleet.pen().certificate_request(token))
    assert c.receive().status in (200, 201)
    a.create(fleet.entry("e"))
    fleet.fail()
    for w in fleet.open(a):
        w.close()
    fleet.heal()
    cli = ["redis-cli", "-s", redis.socket, "-a", "a/secret:word", "--no-auth-warning"]
    ask = lambda *w: subprocess.run([*cli, *w], check=True, stdout=subprocess.PIPE).stdout.decode()
    until(lambda: "outage" in ask("KEYS", "*"), "the outage to be told")
    keys = ask("KEYS", "*").split()
    assert all(re.match(r"other:v1:(relays|outage|probe|rate|create|entry):", k) for k in keys), keys
    assert {k.split(":")[2] for k in keys} >= {"relays", "outage", "rate", "create", "entry"}, keys
    for k in keys:
        assert 0 < int(ask("PTTL", k)) <= 16 * 60 * 1000, f"{k} does not expire"
        kind = ask("TYPE", k).strip()
        value = ask(*{"string": ("GET", k), "hash": ("HGETALL", k), "zset": ("ZRANGE", k, "0", "-1")}[kind])
        assert token.split(".")[-1] not in value and "secret" not in value, f"a secret under {k}"


def test_password_is_never_shown(fleet):
    fleet.start_redis("--requirepass", "hushhush")
    fleet.secrets.append("hushhush")
    url = f"redis://:hushhush@127.0.0.1:{fleet.redis.port}/2"
    (a,) = fleet.start(1, redis_url=url, log_level="debug")
    assert "redis://:***@127.0.0.1" in a.admin("/"), "the page shows no masked URL"
    for argv in (["check-config", "relay0.ini"], ["check-config", "--redis-url", url],
                 ["check-config", "--redis-url", url + "x"], ["check-config", "--redis-url", "redis:/" + url[8:]],
                 ["serve", "--redis-url", url + "x"], ["check-config", "--redis-ulr=" + url]):
        p = subprocess.run([fleet.binary, *argv], cwd=fleet.folder, stdout=subprocess.PIPE, stderr=subprocess.STDOUT,
                           check=False)
        assert b"hushhush" not in p.stdout, f"{argv[0]} shows the password: {p.stdout!r}"
        if argv[-1] == url and argv[0] == "check-config" or argv[-1] == "relay0.ini":
            assert b"redis_url = redis://:***@127.0.0.1" in p.stdout, p.stdout


def test_over_tls(fleet):
    from lib.authority import Authority
    from world import free_port
    authority = Authority(fleet.folder)
    cert, key = authority.issue("redis", "DNS:localhost")
    port = free_port()
    fleet.start_redis("--tls-port", str(port), "--tls-cert-file", cert, "--tls-key-file", key, "--tls-auth-clients",
                      "no")
    a, b = fleet.start(2, redis_url=f"rediss://localhost:{port}", ca_file=authority.cert)
    entry = fleet.entry("e")
    a.create(entry)
    until(lambda: any(":create:" in k for k in fleet.redis.keys()), "it to be shared")
    b.create(entry)
    assert fleet.counted() == 1
    (c,) = fleet.start(1, connected=False, redis_url=f"rediss://localhost:{port}")
    until(lambda: c.lines("redis_down"), "the stranger's certificate to be refused")
    assert "certificate" in c.lines("redis_down")[0], c.lines("redis_down")
    c.create(entry)


def test_by_unix_socket(fleet):
    fleet.start_redis()
    a, b = fleet.start(2, redis_url="unix:" + fleet.redis.socket)
    a.create(fleet.entry("e"))
    assert b.relays() == 2
