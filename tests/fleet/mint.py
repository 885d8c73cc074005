"""Certificates while the log is down: one an interval for all relays, and nobody waits for nobody."""
import select
import time

from world import until

INTERVAL = 0.5
SETTINGS = {"probe_interval": "500ms", "probe_max": "500ms"}


def ask(fleet, relay):
    """For a certificate, without waiting for it."""
    c = relay.client()
    c.send("POST", "/api/v2/signingCert", ["Content-Type: application/json"],
           fleet.pen().certificate_request(fleet.token()))
    c.relay = relay
    return c


def outage(fleet, relays=4, each=3):
    """The log takes no entries, all relays know it, and nobody waits to post. Certificates could be had."""
    fleet.start_redis()
    (finder,) = fleet.start(1, retry_for="1s", **SETTINGS)
    new = fleet.start(relays, **SETTINGS)
    fleet.fail("create always status 502")
    for w in fleet.open(finder):
        w.close()
    until(lambda: finder.metric("sigrelay_in_flight") == finder.metric("sigrelay_parked") == 0, "its creates to end")
    until(lambda: all(r.state() == "open" for r in new), "all to be open")
    return new, [ask(fleet, r) for r in new for _ in range(each)]


def answered(clients, seconds=20):
    """The first of these that has an answer."""
    ready = select.select([c.sock for c in clients], [], [], seconds)[0]
    assert ready, f"no certificate within {seconds} s: a deadlock"
    (first, *_) = [c for c in clients if c.sock is ready[0]]
    answer = first.receive()
    assert answer.status in (200, 201), str(answer)
    return first


def rest(clients, but):
    return [c for c in clients if c is not but]


def test_one_certificate_an_interval_for_the_fleet(fleet):
    relays, waiting = outage(fleet)
    waiting = rest(waiting, answered(waiting))
    began, before = time.monotonic(), fleet.counted("sign")
    until(lambda: fleet.counted("sign") >= before + 4, "four certificates")
    more, took = fleet.counted("sign") - before, time.monotonic() - began
    assert more <= took / INTERVAL + 1, f"{more} certificates in {took:.2f} s, with one allowed every {INTERVAL} s"
    fleet.heal()
    relays[0].create(fleet.entry("the probe"))
    assert [c.receive().status // 100 for c in waiting] == [2] * len(waiting)


def test_the_create_of_that_certificate_ends_the_outage(fleet):
    relays, waiting = outage(fleet)
    first = answered(waiting)
    fleet.heal()
    first.relay.create(fleet.entry("the probe"))
    until(lambda: all(r.state() == "closed" for r in relays), "all to be closed")
    waiting = rest(waiting, first)
    assert [c.receive().status // 100 for c in waiting] == [2] * len(waiting)


def test_leases_end_with_the_outage(fleet):
    """Else the first probe of the next one would come late: a lease is as long as the probe interval has grown."""
    fleet.start_redis()
    a, b = fleet.start(2, probe_interval="3s", probe_max="3s")
    fleet.fail()
    waiting = fleet.open(a)
    fleet.heal()
    assert [w.receive().status for w in waiting] == [201] * 5
    until(lambda: not [k for k in fleet.redis.keys() if ":probe:" in k or ":mint:" in k], "the leases to end", 1.5)
    until(lambda: b.state() == "closed", "the other to be closed")


def test_holder_of_the_certificate_is_killed(fleet):
    relays, waiting = outage(fleet)
    gone = answered(waiting).relay
    gone.process.kill()
    fleet.relays.remove(gone)
    waiting = [c for c in waiting if c.relay is not gone]
    fleet.heal()
    second = answered(waiting)
    second.relay.create(fleet.entry("the probe"))
    until(lambda: all(r.state() == "closed" for r in relays if r is not gone), "all to be closed")
    waiting = rest(waiting, second)
    assert [c.receive().status // 100 for c in waiting] == [2] * len(waiting)


def test_redis_dies_while_certificates_wait(fleet):
    relays, waiting = outage(fleet)
    waiting = rest(waiting, answered(waiting))
    fleet.redis.stop()
    for r in relays:
        mine = [c for c in waiting if c.relay is r]
        waiting = rest(waiting, answered(mine))
    fleet.heal()
    for i, r in enumerate(relays):
        r.create(fleet.entry(f"probe {i}"))
    assert [c.receive().status // 100 for c in waiting] == [2] * len(waiting)
