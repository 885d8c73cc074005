#!/usr/bin/env python3
"""What the people who operate a relay look at: the page in a real browser, metrics in a real
Prometheus, its rules and the dashboard; the proxy that stands between them and Sigstore; and
a restart on a socket that is held for the relay.

    run.py --sigrelay BIN [--pictures FOLDER] [NAME...]

Prints "ok - name" or "not ok - name" with the reason, ends with N passed, N failed, N skipped.
A test is skipped, and counted so, where the browser or Prometheus is not installed.
"""
import argparse
import json
import os
import re
import select
import shutil
import signal
import socket
import subprocess
import sys
import tempfile
import threading
import time
import traceback
import urllib.parse
import urllib.request

HERE = os.path.dirname(os.path.abspath(__file__))
ROOT = os.path.dirname(os.path.dirname(HERE))
sys.path[:0] = [HERE, os.path.join(ROOT, "tests", "scenario"), os.path.join(ROOT, "tests", "registry")]
sys.dont_write_bytecode = True

from browser import Browser, available  # noqa: E402
from fake_proxy import FakeProxy  # noqa: E402
from lib.authority import Authority  # noqa: E402
from lib.world import Process, World, until  # noqa: E402

HOSTILE = '<img src=x onerror="window.hit=1"><script>window.hit=1</script>\'"&amp;'


class Skip(Exception):
    pass


def want(condition, message):
    if not condition:
        raise AssertionError(message)


class Stage:
    """A built-in log, a relay, and a browser where one is wanted."""

    def __init__(self, binary, pictures):
        self.folder = tempfile.mkdtemp(prefix="operators-")
        self.world = World(binary, self.folder)
        self.pictures = pictures
        self.browsers = []
        self.proxy = None

    def start(self, *rules, **settings):
        self.world.rules = list(rules)
        self.world.settings = dict(settings)
        self.world.start_log()
        self.world.start_relay()

    def url(self, path="/"):
        return f"http://127.0.0.1:{self.world.admin_port}{path}"

    def browser(self, **how):
        if not available():
            raise Skip("chromium and chromedriver are not installed")
        self.browsers.append(Browser(**how))
        return self.browsers[-1]

    def picture(self, browser, name):
        if self.pictures:
            browser.picture(os.path.join(self.pictures, name + ".png"))

    def outage(self, clients=6):
        """Creates that the log answers with 502 until the breaker opens; they stay parked."""
        for n in range(clients):
            entry = self.world.entry(f"e{n}")
            c = self.world.client(f"c{n}")
            c.send("POST", "/api/v1/log/entries",
                   ["Content-Type: application/json", f"User-Agent: {HOSTILE}"], entry.posted)
        until(lambda: self.world.metric("sigrelay_breaker_state{service=rekor,side=write}") == 2,
              "the breaker to open")

    def end(self):
        try:
            self.world.leave()
        finally:
            for b in self.browsers:
                b.close()
            if self.proxy:
                self.proxy.shutdown()
                self.proxy.server_close()
            self.world.kill()
            shutil.rmtree(self.folder, ignore_errors=True)


def quiet(browser):
    """The console says nothing: no refusal by policy, no error."""
    complaints = browser.complaints()
    want(not complaints, f"the console: {complaints}")


DOWN = ("create always status 502",)
SLOW_PROBES = {"probe_interval": "60s", "backoff_base": "10ms"}


def test_the_page_follows_an_outage(stage):
    stage.start(*DOWN, **SLOW_PROBES)
    b = stage.browser()
    b.open(stage.url())
    want("Sigstore is well" in b.text("verdict"), b.text("verdict"))
    want(b.run("return document.title").startswith("Sigstore is well"), "the title")
    want("Nothing waits" in b.text("waiting"), b.text("waiting"))
    stage.picture(b, "well")
    b.run("window.same=1")  # gone when the page is loaded again
    stage.outage()
    b.until(lambda: "cannot be written to" in b.text("verdict"), "the page to tell of the outage")
    want(b.run("return window.same") == 1, "the page was loaded again in spite of its script")
    want(b.run("return document.title").startswith("Outage"), "the title")
    waits = b.text("waiting")
    want("rekor.create" in waits and "6" in waits, waits)
    want("HTTP 502" in b.text("services"), b.text("services"))
    want("breaker" in b.text("events"), b.text("events"))
    quiet(b)
    stage.picture(b, "outage")


def test_the_page_without_scripts(stage):
    stage.start(*DOWN, **SLOW_PROBES)
    b = stage.browser(scripts=False)
    b.open(stage.url())
    want("Sigstore is well" in b.text("verdict"), b.text("verdict"))
    stage.outage()
    b.until(lambda: "cannot be written to" in b.text("verdict"), "the browser to load the page again")
    want("sigrelay" in b.source(), "the page")


def test_hostile_text_stays_text(stage):
    stage.start(*DOWN, **SLOW_PROBES, run_id=HOSTILE)
    stage.outage()
    c = stage.world.client("x")
    c.send("GET", "/" + urllib.parse.quote(HOSTILE), [f"Host: {HOSTILE}"])
    c.receive()
    b = stage.browser()
    b.open(stage.url())
    want("onerror" in b.source(), "the hostile text is not on the page at all")
    want(b.run("return document.scripts.length") == 1, "a script came in")
    want(b.run("return document.images.length") == 0, "an image came in")
    want(b.run("return document.querySelectorAll('[onerror]').length") == 0, "a handler came in")
    want(b.run("return window.hit === undefined"), "hostile text ran")
    quiet(b)


READABLE = """
function rgb(c) { return c.match(/[\\d.]+/g).map(Number); }
function luminance([r, g, b]) {
  const f = v => (v /= 255) <= 0.03928 ? v / 12.92 : ((v + 0.055) / 1.055) ** 2.4;
  return 0.2126 * f(r) + 0.7152 * f(g) + 0.0722 * f(b);
}
const ground = luminance(rgb(getComputedStyle(document.body).backgroundColor));
let worst = 21, where = '';
for (const e of document.querySelectorAll('body *')) {
  if (![...e.childNodes].some(n => n.nodeType === 3 && n.data.trim()) || e.matches('script, [hidden]')) continue;
  const ink = luminance(rgb(getComputedStyle(e).color));
  const contrast = (Math.max(ink, ground) + 0.05) / (Math.min(ink, ground) + 0.05);
  if (contrast < worst) { worst = contrast; where = e.tagName + ' ' + e.textContent.slice(0, 40); }
}
return [worst, where, ground];
"""


def test_the_page_is_readable_in_light_and_dark(stage):
    stage.start(*DOWN, **SLOW_PROBES)
    stage.outage()
    b = stage.browser()
    b.open(stage.url())
    for scheme, is_dark in (("light", False), ("dark", True)):
        b.devtools("Emulation.setEmulatedMedia",
                   features=[{"name": "prefers-color-scheme", "value": scheme}])
        worst, where, ground = b.run(READABLE)
        want((ground < 0.2) == is_dark, f"{scheme}: the ground's luminance is {ground}")
        want(worst >= 4.5, f"{scheme}: contrast {worst:.2f} at {where}")
        stage.picture(b, scheme)


def test_the_page_at_400_percent(stage):
    """1280 pixels at 400 % are 320 (WCAG 2.2, 1.4.10): nothing is scrolled sideways."""
    stage.start(*DOWN, **SLOW_PROBES)
    stage.outage()
    b = stage.browser()
    b.devtools("Emulation.setDeviceMetricsOverride", width=320, height=900, deviceScaleFactor=1, mobile=False)
    b.open(stage.url())
    b.run("document.querySelector('details').open = true")
    width = b.run("return document.scrollingElement.scrollWidth")
    want(width <= 320, f"the page is {width} wide")
    stage.picture(b, "narrow")


def test_the_page_to_a_screen_reader(stage):
    stage.start(*DOWN, **SLOW_PROBES)
    stage.outage()
    b = stage.browser()
    b.open(stage.url())
    for width in (1280, 320):  # the narrow one shows rows as blocks: still tables
        b.devtools("Emulation.setDeviceMetricsOverride", width=width, height=900, deviceScaleFactor=1,
                   mobile=False)
        nodes = b.devtools("Accessibility.getFullAXTree")["nodes"]
        roles = [n["role"]["value"] for n in nodes if not n.get("ignored")]
        names = {(n["role"]["value"], n.get("name", {}).get("value", "")) for n in nodes if not n.get("ignored")}
        for role in ("banner", "main", "contentinfo", "status", "table", "rowheader", "columnheader", "cell", "list"):
            want(role in roles, f"{width}: no {role} among {sorted(set(roles))}")
        for heading in ("sigrelay", "Services", "What waits", "What was saved", "Last events"):
            want(("heading", heading) in names, f"{width}: no heading {heading}")
        want(("rowheader", "Rekor (transparency log), write") in names, f"{width}: the row's name")


def test_the_page_says_when_it_is_old(stage):
    stage.start()
    b = stage.browser()
    b.open(stage.url())
    stage.world.relay.p.send_signal(signal.SIGTERM)
    stage.world.relay.exit_code()
    b.until(lambda: b.run("return !document.getElementById('live').hidden"), "the page to say so")
    want("does not answer" in b.run("return document.getElementById('live').textContent"), "its words")


def test_nothing_on_the_page_changes_state(stage):
    stage.start()
    c = stage.world.client("admin")
    for method in ("POST", "PUT", "DELETE"):
        c.send(method, "/", [], b"")
        want(c.receive().status in (405, 501), f"{method} is {c.answer.status}")
        c.close()
    page = urllib.request.urlopen(stage.url()).read().decode()
    want(not re.search(r"<(form|button|input)", page), "there is something to press")
    want(not re.search(r'(src|href)="(?!/|data:,)', page), "something comes from outside")


# --- a corporate proxy ------------------------------------------------------------

def behind_a_proxy(stage, **environment):
    """A relay whose upstream is https://sigstore.test, a name that only the proxy knows."""
    w = stage.world
    w.start_log()
    ca = Authority(w.folder)
    cert, key = ca.issue("sigstore", "DNS:sigstore.test")
    log = f"http://127.0.0.1:{w.log_port}"
    with open(os.path.join(w.folder, "outer.ini"), "w", encoding="utf-8") as f:
        f.write(f"[sigrelay]\nlisten = 127.0.0.1:0\nadmin_listen = 127.0.0.1:0\nrekor_url = {log}\n"
                f"tls_cert_file = {cert}\ntls_key_file = {key}\n")
    w.outer = Process(w.folder, "outer", [w.binary, "serve", "--config", "outer.ini"])
    w.outer_admin = int(w.outer.says(r"^admin on http://127\.0\.0\.1:(\d+)"))
    where = w.outer.says(r"^listening on https://(\S+)")
    proxy = stage.proxy = FakeProxy({"sigstore.test:443": where})
    threading.Thread(target=proxy.serve_forever, daemon=True).start()
    w.environment = {"https_proxy": f"http://127.0.0.1:{proxy.server_address[1]}", **environment}
    w.settings = {"rekor_url": "https://sigstore.test", "ca_file": ca.cert, "retry_for": "1s"}
    w.start_relay()
    return proxy


def ask_for_the_log(stage):
    c = stage.world.client("c")
    c.send("GET", "/api/v1/log")
    return c.receive().status


def test_upstreams_are_reached_through_https_proxy(stage):
    proxy = behind_a_proxy(stage)
    want(ask_for_the_log(stage) == 200, "no answer through the proxy")
    want(proxy.connects == ["sigstore.test:443"], f"the proxy was asked for {proxy.connects}")


def test_no_proxy_goes_past_it(stage):
    proxy = behind_a_proxy(stage, no_proxy="sigstore.test")
    want(ask_for_the_log(stage) == 503, "who answered?")
    want(proxy.connects == [], f"the proxy was asked for {proxy.connects}")


# --- a restart on a socket that is held for the relay ------------------------------

def ticks(pid):
    """Of the processor, that it has used."""
    with open(f"/proc/{pid}/stat", encoding="ascii") as f:
        fields = f.read().rsplit(")", 1)[1].split()
    return int(fields[11]) + int(fields[12])


def unanswered(client):
    return not select.select([client.sock], [], [], 0)[0]


def drains_with_a_client_waiting(stage, old, late):
    """The old process lets its parked request end, and does not see the client that connects now."""
    w = stage.world
    parked, alive = w.client("parked"), w.client("alive")
    alive.send("GET", "/api/v1/log")
    want(alive.receive().status == 200, str(alive.answer))
    parked.send("POST", "/api/v1/log/entries", ["Content-Type: application/json"], w.entry("e").posted)
    until(lambda: w.metric("sigrelay_in_flight") == 1, "the create to be held")
    old.p.send_signal(signal.SIGTERM)
    until(lambda: " drain " in old.err(), "it to drain")
    want("waits in the socket" in old.err(), old.err())
    late.send("GET", "/api/v1/log")

    def ready():
        c = w.client("admin")
        c.send("GET", "/readyz")
        return c.receive().status
    want(ready() == 503, "it says that it is ready")
    alive.send("GET", "/api/v1/log")
    want(alive.receive().status == 503 and alive.answer.header("connection") == "close", str(alive.answer))
    used, then = ticks(old.p.pid), time.monotonic() + 1
    until(lambda: ready() != 503 or time.monotonic() > then, "a second to pass")
    used = ticks(old.p.pid) - used
    want(used < os.sysconf("SC_CLK_TCK") / 2, f"it used {used} ticks in a second while a client waited")
    mine = [os.readlink(f"/proc/{old.p.pid}/fd/{n}") for n in os.listdir(f"/proc/{old.p.pid}/fd")]
    want(f"socket:[{os.stat(w.held.fileno()).st_ino}]" not in mine, "its copy of the socket is open")
    want(unanswered(late), "the old process answered a new connection")
    w.control("POST", "release")
    want(parked.receive().status == 201, str(parked.answer))
    want(old.exit_code() == 0, old.err()[-500:])
    w.client("admin").close()
    del w.clients["admin"]


def test_clients_wait_in_a_held_socket(stage):
    """systemd's, or anybody's: who comes during a restart is served by the next process."""
    w = stage.world
    w.held = socket.create_server(("127.0.0.1", 0))
    stage.start("create hold", hedge_after="0")
    old, late = w.relay, w.client("late")
    try:
        drains_with_a_client_waiting(stage, old, late)
    finally:
        old.kill()
    want(unanswered(late), "the new connection did not outlive the old process")
    w.start_relay("next")
    want(late.receive().status == 200, str(late.answer))
    w.held.close()


# --- Prometheus -----------------------------------------------------------------

def promtool(*args):
    if not shutil.which("promtool"):
        raise Skip("promtool is not installed")
    done = subprocess.run(["promtool", *args], cwd=os.path.join(ROOT, "conf", "prometheus"),
                          capture_output=True, text=True)
    want(done.returncode == 0, done.stdout + done.stderr)


def test_the_rules_are_rules(stage):
    promtool("check", "rules", "sigrelay.rules.yml")


def test_the_rules_tell_of_an_outage(stage):
    promtool("test", "rules", "sigrelay.test.yml")


def test_rules_and_dashboard_name_what_there_is(stage):
    stage.start(redis_url="unix:/nowhere")  # a fleet's metrics are there only with it
    there = set(re.findall(r"^(sigrelay_\w+)", stage.world.admin("/metrics"), re.M))
    for path in ("prometheus/sigrelay.rules.yml", "grafana/sigrelay.json"):
        with open(os.path.join(ROOT, "conf", path), encoding="utf-8") as f:
            text = f.read()
        if path.endswith(".json"):
            want(json.loads(text)["panels"], "a dashboard without panels")
        named = set(re.findall(r"\bsigrelay_\w+", text))
        want(named and named <= there, f"{path} names {sorted(named - there)}")


def test_a_prometheus_scrapes_an_outage(stage):
    if not shutil.which("prometheus"):
        raise Skip("prometheus is not installed")
    stage.start(*DOWN, **SLOW_PROBES)
    with socket.socket() as s:
        s.bind(("127.0.0.1", 0))
        port = s.getsockname()[1]
    config = os.path.join(stage.folder, "prometheus.yml")
    with open(config, "w", encoding="utf-8") as f:
        f.write("global: {scrape_interval: 1s, evaluation_interval: 1s}\n"
                f"rule_files: [{ROOT}/conf/prometheus/sigrelay.rules.yml]\n"
                "scrape_configs: [{job_name: sigrelay, static_configs: [{targets: "
                f"['127.0.0.1:{stage.world.admin_port}']}}]}}]\n")

    def ask(query):
        url = f"http://127.0.0.1:{port}/api/v1/query?" + urllib.parse.urlencode({"query": query})
        try:
            with urllib.request.urlopen(url, timeout=5) as answer:
                result = json.load(answer)["data"]["result"]
        except OSError:
            return None
        return result[0]["value"][1] if result else None

    p = subprocess.Popen(["prometheus", f"--config.file={config}", f"--web.listen-address=127.0.0.1:{port}",
                          f"--storage.tsdb.path={stage.folder}/data"], stdout=subprocess.DEVNULL,
                         stderr=subprocess.DEVNULL)
    try:
        up = 'sigrelay_breaker_state{service="rekor",side="write"}'
        until(lambda: ask(up) == "0", "Prometheus to see a closed breaker", 30)
        stage.outage()
        until(lambda: ask(up) == "2", "Prometheus to see an open breaker", 30)
        until(lambda: ask('ALERTS{alertname="SigstoreOutage"}') == "1", "the alert to be pending", 30)
        want(ask('sigrelay_parked') == "6", "parked")
    finally:
        p.terminate()
        p.wait()


def main():
    parser = argparse.ArgumentParser()
    parser.add_argument("--sigrelay", required=True)
    parser.add_argument("--pictures")
    parser.add_argument("names", nargs="*")
    args = parser.parse_args()
    if args.pictures:
        os.makedirs(args.pictures, exist_ok=True)
    counts = {"passed": 0, "failed": 0, "skipped": 0}
    for name, test in list(globals().items()):
        if not name.startswith("test_") or (args.names and name not in args.names):
            continue
        stage, result, reason = Stage(os.path.abspath(args.sigrelay), args.pictures), "passed", ""
        try:
            try:
                test(stage)
            finally:
                stage.end()
        except Skip as e:
            result, reason = "skipped", str(e)
        except AssertionError as e:
            result, reason = "failed", str(e)
        except Exception:  # the runner's own mistake is a failure too, with its place
            result, reason = "failed", traceback.format_exc()
        counts[result] += 1
        print({"passed": f"ok - {name}", "failed": f"not ok - {name}\n    {reason}",
               "skipped": f"skip - {name}: {reason}"}[result], flush=True)
    print("{passed} passed, {failed} failed, {skipped} skipped".format(**counts))
    sys.exit(1 if counts["failed"] else 0)


main()
