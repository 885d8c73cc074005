"""The language of a scenario: one step a line. README.md describes it."""
import base64
import codecs
import json
import operator
import re
import select
import shlex
import signal
import ssl
import subprocess
import shutil
import time

from .authority import Authority
from .client import PATIENCE, Closed
from .world import until

COMPARE = {"==": operator.eq, "!=": operator.ne, "<": operator.lt, "<=": operator.le,
           ">": operator.gt, ">=": operator.ge}
PLACES = ("create", "get", "query", "sign", "stamp", "token", "other")


class Skip(Exception):
    pass


class Failed(AssertionError):
    pass


def want(condition, message):
    if not condition:
        raise Failed(message)


def compare(value, op, wanted, what):
    want(COMPARE[op](value, wanted), f"{what} is {value}, not {op} {wanted}")


def seconds(text):
    m = re.fullmatch(r"([\d.]+)(ms|s)", text)
    return float(m.group(1)) / (1000 if m.group(2) == "ms" else 1)


def unescape(text):
    """x40000:A is 40000 times A; \\r \\n \\0 \\xff as in C."""
    m = re.fullmatch(r"x(\d+):(.*)", text, re.S)
    data = codecs.escape_decode((m.group(2) if m else text).encode("latin-1"))[0]
    return data * int(m.group(1)) if m else data


def logical_lines(path):
    """(number, line) without comments; a line that ends in a backslash goes on."""
    held, first = "", 0
    with open(path, encoding="utf-8") as f:
        for number, line in enumerate(f, 1):
            line = line.rstrip("\n")
            first = first if held else number
            if line.endswith("\\") and not line.endswith("\\\\"):
                held += line[:-1] + " "
                continue
            line, held = held + line, ""
            if line.strip() and not line.lstrip().startswith("#"):
                yield first, line


class Scenario:
    def __init__(self, path, world):
        self.path = path
        self.w = world
        self.ran = False

    def run(self):
        for number, line in logical_lines(self.path):
            try:
                if not line.startswith("about"):
                    self.step(shlex.split(line, comments=True))
            except Skip:
                raise
            except (AssertionError, Closed, OSError, KeyError, ValueError, IndexError) as e:
                raise Failed(f"line {number}: {line.strip()}\n    {type(e).__name__}: {e}") from e

    # ---- what comes before the start ----
    def step(self, words):
        verb, args = words[0], words[1:]
        before = {"script": self.do_script, "setting": self.do_setting,
                  "unset": self.do_unset,
                  "tap": self.do_tap, "socket": self.do_socket, "tls": self.do_tls,
                  "fleet": self.do_fleet,
                  "needs": self.do_needs}
        if verb in before:
            before[verb](args)
            return
        if verb == "for":
            self.do_for(args)
            return
        self.start()
        args = [self.fill(a) for a in args]
        if hasattr(self, "at_" + verb):
            getattr(self, "at_" + verb)(args)
        elif hasattr(self, "client_" + args[0].replace("-", "_")):
            getattr(self, "client_" + args[0].replace("-", "_"))(self.w.client(verb), args[1:])
        else:
            raise Failed(f"no such step: {verb} {args[0]}")

    def do_needs(self, args):
        if not shutil.which(args[0]):
            raise Skip(f"{args[0]} is not on PATH")

    def do_script(self, args):
        rule = " ".join(args)
        if self.ran:
            self.w.control("POST", "script", rule + "\n")
        else:
            self.w.rules.append(rule)

    def do_setting(self, args):
        for pair in args:
            key, value = pair.split("=", 1)
            self.w.settings[key] = value
        if self.ran:
            self.w.write_settings()

    def do_unset(self, args):
        for key in args:
            del self.w.settings[key]
        self.w.write_settings()

    def do_tap(self, args):
        if not args:
            self.w.want_tap = True
        elif args[0] == "gzip":
            self.start()
            self.w.tap.gzip = True
        elif args[0] == "trailer":  # NAME VALUE
            self.start()
            self.w.tap.trailers[args[1]] = args[2]
        elif args[0] == "answers":  # METHOD PATH STATUS BODY
            self.start()
            self.w.tap.canned.append([args[1], args[2], args[3], args[4].encode()])
        elif args[0] == "saw":  # METHOD PATH HEADER VALUE | no HEADER
            self.tap_saw(args[1:])
        elif args[0] == "traced":  # N TRACEPARENT
            self.tap_traced(int(args[1]), args[2])
        else:
            raise Failed("tap: gzip, trailer, answers, saw or traced")

    def do_socket(self, args):
        self.w.want_socket = True

    def do_tls(self, args):
        self.w.speak_tls(mutual=args == ["mutual"])

    def do_fleet(self, args):
        """fleet [KEY=VALUE…]: the relay points at another, over mutual TLS; its settings."""
        self.w.outer_settings = dict(pair.split("=", 1) for pair in args)

    def do_for(self, args):
        """for 1..20 STEP…: $n is the number."""
        lo, hi = (int(n) for n in args[0].split(".."))
        for n in range(lo, hi + 1):
            self.step([re.sub(r"\$n\b", str(n), a) for a in args[1:]])

    def start(self):
        if self.ran:
            return
        self.ran = True
        self.w.start_log()
        self.w.start_relay()

    def fill(self, text):
        """$id:e (80 digits), $leaf:e (64 digits)."""
        return re.sub(r"\$(id|leaf):(\w+)", lambda m: getattr(self.w.entries[m.group(2)], m.group(1)), text)

    def tap_saw(self, args):
        method, path = args[0], args[1]
        x = next((x for x in self.w.tap.exchanges if (x.method, x.path) == (method, path)), None)
        want(x, f"the log saw no {method} {path}")
        have = {k.lower(): v for k, v in x.headers}
        if args[2] == "no":
            want(args[3].lower() not in have, f"the log saw {args[3]}: {have.get(args[3].lower())}")
        else:
            value = have.get(args[2].lower())
            want(value == args[3], f"the log saw {args[2]}: {value}, not {args[3]}")

    def tap_traced(self, n, clients):
        """N requests reached the log under that trace, each with a parent-id of its own."""
        version, trace, parent, flags = clients.split("-")
        seen = [v for x in self.w.tap.exchanges for k, v in x.headers if k.lower() == "traceparent"]
        mine = [v for v in seen if v.split("-")[1] == trace]
        want(len(mine) == n, f"the log saw {seen}")
        for v in mine:
            want(re.fullmatch(f"{version}-{trace}-[0-9a-f]{{16}}-{flags}", v), f"the log saw {v}")
        parents = {v.split("-")[2] for v in mine}
        want(len(parents) == n and parent not in parents and "0" * 16 not in parents, f"parents: {mine}")

    # ---- the log ----
    def at_log(self, args):
        what = args[0]
        if what in ("pause", "resume", "release", "clear"):
            self.w.control("POST", what)
        elif what == "wait":
            own = self.w.own_queries if args[1] == "query" else 0
            self.w.control("GET", f"wait?{args[1]}={int(args[2]) + own}")
        elif what == "post":
            status, body = self.w.direct("POST", "/api/v1/log/entries", self.w.entries[args[1]].posted)
            want(status == 201, f"the log answered {status} {body!r}")
        else:
            state = self.w.control("GET", "state")
            state["query"] -= self.w.own_queries
            state["total"] = sum(state[k] for k in PLACES)
            compare(state[what], args[1], int(args[2]), f"the log's {what}")

    def at_mark(self, args):
        self.w.mark = time.monotonic()

    def at_elapsed(self, args):
        """elapsed OP DURATION: since the mark."""
        compare(time.monotonic() - self.w.mark, args[0], seconds(args[1]), "the time since the mark")

    def at_until(self, args):
        """until log KEY OP N | metric … | status … | line … | no-held …: polls."""
        def holds():
            try:
                getattr(self, "at_" + args[0])(args[1:])
                return True
            except Failed:
                return False
        try:
            until(holds, " ".join(args))
        except AssertionError as e:
            try:
                getattr(self, "at_" + args[0])(args[1:])
            except Failed as last:
                raise Failed(f"{e}: {last}") from e

    def at_entry(self, args):
        """entry NAME [cert SECONDS] [reformat-of OTHER]"""
        if args[1:2] == ["reformat-of"]:
            other = self.w.entries[args[2]]
            e = self.w.entry(args[0])
            e.__dict__.update(other.__dict__)
            e.reformat()
            return
        verifier = None
        if args[1:2] == ["cert"]:
            verifier = self.w.pen().certificate(int(args[2]))
        self.w.entry(args[0], verifier)

    # ---- the relay ----
    def at_metric(self, args):
        """metric NAME… OP N; metric outer NAME… OP N is the fleet's relay's."""
        outer = args[0] == "outer"
        args = args[outer:]
        compare(self.w.metric(args[0], outer), args[1], float(args[2]), args[0])

    def at_status(self, args):
        value = self.w.status(args[0])
        wanted = json.loads(args[2]) if re.fullmatch(r"-?[\d.]+|true|false|null", args[2]) else args[2]
        compare(value, args[1], wanted, f"/status {args[0]}")

    def at_line(self, args):
        want(self.w.lines(args[0], *args[1:]), f"no log line {' '.join(args)}")

    def at_lines(self, args):
        found = self.w.lines(args[0], *args[1:-2])
        compare(len(found), args[-2], int(args[-1]), f"the count of {' '.join(args[:-2])} lines")

    def at_relay(self, args):
        p = self.w.relay.p
        if args[0] == "exits":
            code = self.w.relay.exit_code()
            want(code == int(args[1]), f"the relay ended with {code}, not {args[1]}")
        else:
            p.send_signal({"term": signal.SIGTERM, "hup": signal.SIGHUP, "int": signal.SIGINT}[args[0]])

    def at_promtool(self, args):
        r = subprocess.run(["promtool", "check", "metrics"], input=self.w.admin("/metrics").encode(),
                           stdout=subprocess.PIPE, stderr=subprocess.STDOUT)
        want(r.returncode == 0, f"promtool: {r.stdout.decode()}")

    # ---- clients: requests ----
    def request(self, args):
        """What to send: (method, target, headers, body)."""
        kind, w = args[0], self.w
        json_type = "Content-Type: application/json"
        extra = []
        positional = []
        for a in args[1:]:
            m = re.fullmatch(r"as=(.*)", a)
            if m:
                extra.append(f"User-Agent: {m.group(1)}")
            elif re.match(r"[A-Za-z-]+: ", a):
                extra.append(a)
            else:
                positional.append(a)
        if kind == "create":
            return "POST", "/api/v1/log/entries", [json_type, *extra], w.entries[positional[0]].posted
        if kind == "get":
            return "GET", f"/api/v1/log/entries/{w.entries[positional[0]].id}", extra, None
        if kind == "sign":
            token = w.token(*positional)
            return "POST", "/api/v2/signingCert", [json_type, *extra], w.pen().certificate_request(token)
        if kind == "sign1":
            token = w.token(*positional)
            return ("POST", "/api/v1/signingCert", [json_type, f"Authorization: Bearer {token}", *extra],
                    w.pen().certificate_request_v1())
        if kind == "stamp":
            return ("POST", "/api/v1/timestamp", ["Content-Type: application/timestamp-query", *extra],
                    w.pen().timestamp_request())
        body = unescape(positional[1]) if len(positional) > 1 else None
        return kind, positional[0], extra, body

    def client_send(self, c, args):
        c.send(*self.request(args))

    def client_ask(self, c, args):
        """send and recv"""
        self.client_send(c, args)
        self.client_recv(c, [])

    def client_recv(self, c, args):
        c.answer = None
        c.receive()

    def client_raw(self, c, args):
        c.raw(b"".join(unescape(a) for a in args))

    def client_drip(self, c, args):
        """drip DURATION BYTES…: a byte at a time; ends when the relay hangs up."""
        for byte in b"".join(unescape(a) for a in args[1:]):
            c.raw(bytes([byte]))
            if select.select([c.sock], [], [], seconds(args[0]))[0]:
                return

    def client_drain(self, c, args):
        """Reads whatever comes until the connection ends, within its patience."""
        c.until_closed()

    def client_connect(self, c, args):
        c.close()
        c.connect()

    def client_shows(self, c, args):
        """c shows CERTIFICATE|nothing [at most 1.2]: of what the next connection is made."""
        if args[0] == "nothing":
            certificate = None
        elif args[0] == "forgery":
            certificate = Authority(self.w.folder, "other-ca").issue("forgery")
        else:
            certificate = self.w.authority.issue(args[0])
        most = {"1.1": ssl.TLSVersion.TLSv1_1, "1.2": ssl.TLSVersion.TLSv1_2}[args[3]] if args[1:] else None
        c.tls = self.w.authority.context(certificate, most)

    def client_no_handshake(self, c, args):
        """TLS says no: at once, or, as 1.3 does for a client's certificate, at the first byte."""
        try:
            c.connect()
            c.send("GET", "/api/v1/log")
            c.receive()
        except (ssl.SSLError, ConnectionResetError, Closed):
            c.close()
            return
        raise Failed(f"{c.name} was let in")

    def client_close(self, c, args):
        c.close()

    def client_reset(self, c, args):
        c.close(reset=True)

    def client_half_close(self, c, args):
        c.half_close()

    def client_closed(self, c, args):
        """The relay ends the connection without (another) answer."""
        try:
            a = c.receive()
        except Closed:
            c.close()
            return
        raise Failed(f"answered instead: {a}")

    def client_refused(self, c, args):
        """refused [STATUS TEXT…]: in the relay's own words, and nothing after it. Without a status it may
        hang up instead, where a request broke off."""
        try:
            a = c.receive()
        except Closed:
            c.close()
            want(not args, f"{c.name}: hung up without an answer")
            return
        want(400 <= a.status < 500 or a.status == 505, f"answered {a}")
        self.own_words(a, "rekor", int(args[0]) if args else a.status, args[1:])
        if c.ends:
            self.client_closed(c, [])
        else:
            want(self.waiting(c) in (b"", None) and not c.buffer, f"{c.name}: more after {a}")
        c.close()

    def client_silent(self, c, args):
        """No answer is there yet."""
        data = self.waiting(c)
        want(data is None and not c.buffer, f"{c.name} got {data!r}")

    @staticmethod
    def waiting(c):
        """What can be read now; None: nothing, b"": the end."""
        c.sock.setblocking(False)
        try:
            return c.sock.recv(65536)
        except (BlockingIOError, ssl.SSLWantReadError):
            return None
        finally:
            c.sock.settimeout(PATIENCE)

    # ---- clients: what came ----
    def client_status(self, c, args):
        want(str(c.answer.status) in args, f"answered {c.answer}")

    def client_header(self, c, args):
        """header NAME present | absent | == VALUE | >= N …"""
        value = c.answer.header(args[0])
        if args[1] in ("present", "absent"):
            want((value is not None) == (args[1] == "present"), f"{args[0]}: {value} in {c.answer}")
        elif args[1] == "==":
            want(value == args[2], f"{args[0]}: {value}, not {args[2]}")
        else:
            compare(int(value), args[1], int(args[2]), args[0])

    def client_body(self, c, args):
        """body is ENTRY | == tap N | == CLIENT | == TEXT | has TEXT | lacks TEXT | empty"""
        body = c.answer.body
        if args[0] == "is":
            self.entry_in(c, self.w.entries[args[1]])
        elif args[0] == "has":
            want(args[1].encode() in body, f"{args[1]!r} is not in {c.answer}")
        elif args[0] == "lacks":
            want(args[1].encode() not in body, f"{args[1]!r} is in {c.answer}")
        elif args[0] == "empty":
            want(not body, f"a body: {c.answer}")
        elif args[1] == "tap":
            x = self.w.tap.exchanges[int(args[2]) - 1]
            want(body == x.body, f"the log answered {x.status} {x.body[:300]!r}, the client got {c.answer}")
        elif args[1] in self.w.clients:
            want(body == self.w.clients[args[1]].answer.body, f"differs from {args[1]}'s: {c.answer}")
        else:
            want(body == unescape(args[1]), f"body: {c.answer}")

    def entry_in(self, c, e):
        answer = json.loads(c.answer.body)
        want(list(answer) == [e.id], f"the key is {list(answer)}, not {e.id}")
        stored = base64.b64decode(answer[e.id]["body"])
        want(stored == e.canonical, f"the entry is {stored!r}, not {e.canonical!r}")

    def client_created(self, c, args):
        """201, of this entry, with the headers that clients read."""
        e = self.w.entries[args[0]]
        want(c.answer.status == 201, f"answered {c.answer}")
        self.entry_in(c, e)
        want(c.answer.header("etag") == e.id, f"ETag: {c.answer.header('etag')}")
        want(c.answer.header("location") == f"/api/v1/log/entries/{e.id}",
             f"Location: {c.answer.header('location')}")
        want(c.answer.header("content-type") == "application/json", f"{c.answer}")

    def client_error(self, c, args):
        """error SERVICE STATUS [TEXT]: the relay's own words in that service's shape."""
        self.own_words(c.answer, args[0], int(args[1]), args[2:])

    @staticmethod
    def own_words(a, service, status, texts):
        want(a.status == status, f"answered {a}")
        want(a.header("content-type") == "application/json", f"Content-Type: {a}")
        body = json.loads(a.body)
        want(body["message"].startswith("sigrelay: "), f"message: {body}")
        if service == "fulcio":
            want(isinstance(body["code"], int) and body["details"] == [], f"shape: {body}")
        else:
            want(body["code"] == a.status, f"code: {body}")
        for text in texts:
            want(text in body["message"], f"{text!r} is not in {body['message']!r}")

    def client_certificate(self, c, args):
        want(b"BEGIN CERTIFICATE" in c.answer.body, f"answered {c.answer}")

    def client_took(self, c, args):
        compare(c.answer.took, args[0], seconds(args[1]), f"{c.name}'s answer")

    def client_after_mark(self, c, args):
        compare(c.sent_at + c.answer.took - self.w.mark, args[0], seconds(args[1]), f"{c.name}'s answer")

    def client_json(self, c, args):
        """json KEY… : the body is a JSON object with these keys."""
        body = json.loads(c.answer.body)
        for key in args:
            value = body
            for part in key.split("."):
                want(part in value, f"no {key} in {body}")
                value = value[part]
