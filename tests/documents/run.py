#!/usr/bin/env python3
"""What docs/logs.md says of log lines and docs/operations.md of alerts, held to the code, the
rules and the lines of a real run.

    run.py --sigrelay BIN

The recipes for certificates and for systemd are followed. Prints "ok - name" or "not ok - name" with the reason, ends with N passed, N failed, N skipped.
"""
import argparse
import glob
import json
import os
import re
import shutil
import signal
import socket
import ssl
import subprocess
import sys
import tempfile
import traceback

HERE = os.path.dirname(os.path.abspath(__file__))
ROOT = os.path.dirname(os.path.dirname(HERE))
sys.path.insert(0, os.path.join(ROOT, "tests", "scenario"))
sys.dont_write_bytecode = True

from lib.world import World, until  # noqa: E402

LEVELS = {"LOG_ERROR": "error", "LOG_WARN": "warn", "LOG_INFO": "info", "LOG_DEBUG": "debug"}
TRACE = "00-0af7651916cd43dd8448eb211c80319c-b7ad6b7169203331-01"
COMMON = {"time", "level", "event", "fields_lost"}


class Skip(Exception):
    pass


def want(condition, message):
    if not condition:
        raise AssertionError(message)


def read(path):
    with open(os.path.join(ROOT, path), encoding="utf-8") as f:
        return f.read()


# ---- the code -------------------------------------------------------------


def calls(text, name):
    """The arguments of each call of that name, as they stand."""
    for m in re.finditer(r"\b" + name + r"\(", text):
        at, depth, quoted = m.end(), 1, False
        while depth:
            c = text[at]
            if quoted and c == "\\":
                at += 1
            elif c == '"':
                quoted = not quoted
            elif not quoted:
                depth += (c == "(") - (c == ")")
            at += 1
        yield text[m.end():at - 1]


def keys_of(arguments):
    """{key as JSON has it}: a time's ends in _seconds."""
    return {key + ("_seconds" if kind == "T" else "")
            for kind, key in re.findall(r'\bLOG_(S|SL|D|T|B)\("(\w+)"', arguments)}


def events_in(sources):
    """{event: (levels, keys)} of C sources."""
    events, flight = {}, None
    for text in sources:
        for a in calls(text, "log_event"):
            if re.match(r"\s*LOG_INFO, event,", a):
                flight = keys_of(a)
    for text in sources:
        for a in calls(text, "log_event"):
            name = re.search(r'LOG_\w+,\s*"(\w+)"', a)
            if name:
                add(events, name.group(1), [LEVELS[w] for w in re.findall(r"\bLOG_[A-Z]{4,5}\b", a)], keys_of(a))
        for a in calls(text, "flight_log"):
            name = re.match(r'\s*f,\s*"(\w+)"', a)
            if name:
                add(events, name.group(1), ["info"], flight)
        for level, name, n in re.findall(r'compose\(&\w+, [\w.]+, LOG_(\w+), "(\w+)", (\w+)', text):
            fields = re.search(r"struct log_field " + n + r"\[\] = \{(.*?)\};", text, re.S)
            add(events, name, [level.lower()], keys_of(fields.group(1)))
    return events


def add(events, name, levels, keys):
    old = events.get(name, (set(), set()))
    events[name] = (old[0] | set(levels), old[1] | keys)


def sources():
    for path in sorted(glob.glob(os.path.join(ROOT, "proxy", "**", "*.c"), recursive=True)):
        yield read(path)


# ---- the documents --------------------------------------------------------


def rows(text, first):
    """The rows, in cells, of the tables whose first column is headed so."""
    inside = False
    for line in text.splitlines():
        cells = [c.strip() for c in line.strip("|").split("|")]
        if not line.startswith("|"):
            inside = False
        elif cells[0] == first:
            inside = True
        elif inside and not set(cells[0]) <= set("-:"):
            yield cells


def words(cell):
    return set(re.findall(r"`(\w+)`", cell))


def events_told():
    told = {}
    for name, levels, fields, *rest in rows(read("docs/logs.md"), "event"):
        (name,) = words(name)
        want(name not in told, f"two rows for {name}")
        want(len(rest) == 2 and all(rest), f"{name}: what it means and what to do are wanted")
        told[name] = (set(levels.split(", ")), words(fields))
    return told


def fields_told():
    return {n for name, *_ in rows(read("docs/logs.md"), "field") for n in words(name)}


def without_seconds(keys):
    return {re.sub("_seconds$", "", k) for k in keys}


# ---- tests ----------------------------------------------------------------


def test_the_reader_of_sources():
    found = events_in(['log_event(LOG_INFO, event, LOG_S("request", id));\n'
                       'log_event(bad ? LOG_ERROR : LOG_DEBUG, "one", LOG_S("why", f("a)\\"", 1)), LOG_T("wait", 2));',
                       'log_event(\n LOG_WARN, "two");\nflight_log(f, "three",\n "why", 1);'])
    want(found == {"one": ({"error", "debug"}, {"why", "wait_seconds"}), "two": ({"warn"}, set()),
                   "three": ({"info"}, {"request"})}, f"{found}")


def test_every_event_has_a_row_and_every_row_an_event():
    code, told = events_in(list(sources())), events_told()
    want(len(code) > 30, f"the sources hold {sorted(code)}")
    want(set(code) == set(told), f"without a row: {sorted(set(code) - set(told))}; "
                                 f"without code: {sorted(set(told) - set(code))}")
    for name, (levels, keys) in code.items():
        want(told[name][0] == levels, f"{name} is {sorted(levels)}, the row says {sorted(told[name][0])}")
        keys = without_seconds(keys)
        want(told[name][1] == keys, f"{name} has {sorted(keys)}, the row says {sorted(told[name][1])}")


def test_every_field_is_explained():
    code, told = events_in(list(sources())), fields_told()
    used = without_seconds(set().union(*(keys for _, keys in code.values()))) | COMMON
    want(used == told, f"not explained: {sorted(used - told)}; not used: {sorted(told - used)}")


def test_a_line_with_a_request_has_its_trace():
    for text in sources():
        for a in calls(text, "log_event"):
            want("request" not in keys_of(a) or "trace" in keys_of(a), f"no trace in: {a}")


def a_bad_night(world):
    """Retries, junk, a 409, a refusal, a reload, a refused one and a drain."""
    world.rules = ["create 1 status 502", "create 1 junk", "create 1 lose reset"]
    world.settings = {"log_format": "json", "log_level": "debug", "backoff_base": "10ms", "hedge_after": "0"}
    world.start_log()
    world.start_relay()
    c = world.client("c1")
    for name in ("e1", "e1"):
        entry = world.entries.get(name) or world.entry(name)
        c.send("POST", "/api/v1/log/entries", ["Content-Type: application/json", "traceparent: " + TRACE], entry.posted)
        want(c.receive().status == 201, f"answered {c.answer}")
    c.send("GET", "/no/such/path", ['User-Agent: "quoted"\\'], None)
    want(c.receive().status == 404, f"answered {c.answer}")
    world.relay.p.send_signal(signal.SIGHUP)
    until(lambda: '"event":"reloaded"' in world.relay.err(), "a reload")
    world.settings["retry_for"] = "\"soon"
    world.write_settings()
    world.relay.p.send_signal(signal.SIGHUP)
    until(lambda: '"event":"reload_refused"' in world.relay.err(), "a refused reload")
    world.relay.p.send_signal(signal.SIGTERM)
    world.relay.exit_code()


def test_every_line_of_a_run_in_json(binary):
    code = events_in(list(sources()))
    with tempfile.TemporaryDirectory(prefix="documents-") as folder:
        world = World(binary, folder)
        try:
            a_bad_night(world)
            lines = world.relay.err().splitlines()
        finally:
            world.kill()
    seen = set()
    for line in lines:
        o = json.loads(line)
        want(list(o)[:3] == ["time", "level", "event"], f"begins otherwise: {line}")
        want(re.fullmatch(r"\d{4}-\d\d-\d\dT\d\d:\d\d:\d\d\.\d{3}Z", o["time"]), f"time: {line}")
        levels, keys = code[o["event"]]
        want(o["level"] in levels and set(o) <= keys | COMMON, f"not as documented: {line}")
        want("request" not in o or o.get("trace") == TRACE.split("-")[1], f"no trace: {line}")
        seen.add(o["event"])
    wanted = {"retry", "junk_answer", "conflict", "from_memory", "answer", "refused", "reloaded",
              "reload_refused", "draining", "drain"}
    want(wanted <= seen, f"not seen: {sorted(wanted - seen)}; the relay said: {lines}")


def test_every_alert_has_a_heading():
    alerts = set(re.findall(r"^\s*- alert: (\w+)", read("conf/prometheus/sigrelay.rules.yml"), re.M))
    headings = set(re.findall(r"^### (Sig\w+)$", read("docs/operations.md"), re.M))
    want(len(alerts) > 5 and alerts == headings, f"without a heading: {sorted(alerts - headings)}; "
                                                 f"without a rule: {sorted(headings - alerts)}")


def block(page, after):
    """The indented block that follows a line which ends so."""
    m = re.search(re.escape(after) + r"\n\n((?:    .*\n|\n(?=    ))+)", read(page))
    want(m, f"{page}: no block after {after!r}")
    return re.sub("^    ", "", m.group(1), flags=re.M)


def test_certificates_by_the_recipe_open_the_door(binary):
    with tempfile.TemporaryDirectory(prefix="documents-") as folder:
        recipe = block("docs/operations.md", "so that no other certificate opens the door:")
        made = subprocess.run(["sh", "-eu"], input=recipe, text=True, cwd=folder, capture_output=True, check=False)
        want(made.returncode == 0, made.stderr)
        at = {name: os.path.join(folder, name) for name in os.listdir(folder)}
        settings = dict(re.findall(r"^(\w+) = (.*)$", block("docs/operations.md", "On the fleet's relay:"), re.M))
        world = World(binary, folder)
        world.settings = {k: at[os.path.basename(v)] for k, v in settings.items() if k != "listen"}
        try:
            world.start_log()
            world.start_relay()
            context = ssl.create_default_context(cafile=at["ca.crt"])
            want(not answered(world, context), "it answers a client without a certificate")
            context.load_cert_chain(at["runner.crt"], at["runner.key"])
            want(answered(world, context), "it does not let the runner in")
        finally:
            world.kill()


def answered(world, context):
    try:
        with socket.create_connection(world.address, 20) as plain:
            with context.wrap_socket(plain, server_hostname="sigrelay.corp.example") as s:
                s.sendall(b"GET /healthz HTTP/1.1\r\nHost: relay\r\n\r\n")
                return s.recv(100).startswith(b"HTTP/1.1 200 ")
    except (ssl.SSLError, ConnectionError):
        return False


def test_systemd_understands_the_drop_in(binary):
    if not shutil.which("systemd-analyze"):
        raise Skip("systemd-analyze is not installed")
    drop_in = block("docs/operations.md", "`systemctl edit sigrelay`:")
    with tempfile.TemporaryDirectory(prefix="documents-") as folder:
        unit = os.path.join(folder, "sigrelay.service")
        with open(unit, "w", encoding="utf-8") as f:
            f.write(read("conf/sigrelay.service").replace("/usr/bin/sigrelay", binary))
        os.mkdir(unit + ".d")
        with open(os.path.join(unit + ".d", "override.conf"), "w", encoding="utf-8") as f:
            f.write(drop_in)
        said = subprocess.run(["systemd-analyze", "verify", "--man=no", unit], capture_output=True, text=True,
                              check=False)
        want(said.returncode == 0 and not said.stderr, f"systemd-analyze: {said.stderr}")
    files = set(re.findall(r"=%d/(\S+)", drop_in))
    want(files and files == set(re.findall(r"^LoadCredential=([^:]+):", drop_in, re.M)), f"{files} are not those loaded")


def test_links_lead_somewhere():
    pages = ["README.md", "CONTRIBUTING.md", "proxy/README.md"] + glob.glob("docs/*.md", root_dir=ROOT)
    for page in pages:
        for link in re.findall(r"\]\(([^)#:]+)(?:#[^)]*)?\)", read(page)):
            want(os.path.exists(os.path.join(ROOT, os.path.dirname(page), link)), f"{page} links to {link}")


def test_settings_that_are_named_exist(binary):
    """`name = value` and name alone in the operator's pages, where it looks like a setting."""
    known = set(re.findall(r"^SETTING\((\w+)", read("proxy/base/settings_table.h"), re.M))
    for page in ("docs/operations.md", "docs/logs.md"):
        named = set(re.findall(r"`(\w+) = [^`]*`", read(page)))
        named |= set(m.lower() for m in re.findall(r"\bSIGRELAY_([A-Z_]+)\b", read(page))) - {"config"}
        want(named <= known, f"{page} names {sorted(named - known)}")


def main():
    p = argparse.ArgumentParser()
    p.add_argument("--sigrelay", required=True)
    a = p.parse_args()
    passed = failed = skipped = 0
    for name, test in list(globals().items()):
        if not name.startswith("test_"):
            continue
        try:
            test(os.path.abspath(a.sigrelay)) if test.__code__.co_argcount else test()
            passed += 1
            print(f"ok - {name}")
        except Skip as e:
            skipped += 1
            print(f"ok - {name} # skip: {e}")
        except Exception as e:
            failed += 1
            print(f"not ok - {name}: {e if isinstance(e, AssertionError) else traceback.format_exc()}")
    print(f"{passed} passed, {failed} failed, {skipped} skipped")
    sys.exit(failed > 0)


if __name__ == "__main__":
    main()
