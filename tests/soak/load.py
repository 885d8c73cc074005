"""The load: what clients do, well-behaved and not, and what became of each request."""
import asyncio
import base64
import collections
import hashlib
import json
import os

from lib.signing import Entry

HEAD = "Host: relay.test\r\nUser-Agent: cosign/v2.6.5 (linux; amd64)\r\nAccept: application/json\r\n"
KEPT = 2000  # entries that later lookups may ask for: more than the relay remembers
GARBAGE = (b"\x16\x03\x01\x02\x00\x01\x00\x01\xfc\x03\x03", b"GET\r\n\r\n", b"NO SUCH THING\r\n\r\n",
           b"GET / HTTP/1.1\r\nHost: a\r\nHost: b\r\n\r\n", b"\0" * 64 + b"\r\n\r\n",
           b"POST /api/v1/log/entries HTTP/1.1\r\nHost: a\r\nContent-Length: 5\r\nTransfer-Encoding: chunked\r\n\r\n0\r\n\r\n",
           b"GET /" + b"a" * 40000)


class Lost(Exception):
    """A request that was neither answered nor left."""


async def read_answer(reader):
    """(status, body)"""
    lines = (await reader.readuntil(b"\r\n\r\n")).decode("latin-1").lower().split("\r\n")
    headers = dict(line.split(": ", 1) for line in filter(None, lines[1:]))
    return int(lines[0].split(" ")[1]), await reader.readexactly(int(headers.get("content-length", 0)))


class Load:
    def __init__(self, world, key, random, workers, rate, patience):
        self.world, self.key, self.random = world, key, random
        self.workers, self.rate, self.patience = workers, rate, patience
        self.tls = world.authority.context(world.identity) if world.authority else None
        self.did, self.statuses, self.lost = collections.Counter(), collections.Counter(), []
        self.entries = collections.deque(maxlen=KEPT)
        self.tasks, self.ending = [], asyncio.Event()
        pen = world.pen()
        self.signs = [pen.certificate_request(world.token("10h")) for _ in range(4)]
        self.stamps = [pen.timestamp_request() for _ in range(8)]
        self.kinds = {self.create: 30, self.again: 8, self.known: 20, self.unknown: 4, self.read: 10,
                      self.sign: 5, self.stamp: 8, self.leave: 8, self.half_close: 3, self.garbage: 5,
                      self.silent: 3, self.half_head: 2, self.big: 1}

    # ---- requests ----
    @staticmethod
    def get(target):
        return f"GET {target} HTTP/1.1\r\n{HEAD}\r\n".encode()

    @staticmethod
    def post(target, kind, body):
        return (f"POST {target} HTTP/1.1\r\n{HEAD}Content-Type: {kind}\r\nContent-Length: {len(body)}\r\n\r\n"
                ).encode() + body

    def entry(self):
        artifact = os.urandom(16)
        return Entry(self.world.tree_id, hashlib.sha256(artifact).hexdigest(), self.key.sign(artifact),
                     self.world.pen().public)

    def post_entry(self, entry):
        return self.post("/api/v1/log/entries", "application/json", entry.posted)

    async def ask(self, line, request):
        reader, writer = line
        writer.write(request)
        try:
            status, body = await asyncio.wait_for(read_answer(reader), self.patience)
        except (asyncio.TimeoutError, asyncio.IncompleteReadError, ConnectionError) as e:
            raise Lost(f"{type(e).__name__} after {request[:60]!r}") from e
        self.statuses[status] += 1
        return status, body

    async def ask_entry(self, line, entry, request, good):
        status, body = await self.ask(line, request)
        if status != good:
            return
        [(key, said)] = json.loads(body).items()
        if key != entry.id or base64.b64decode(said["body"]) != entry.canonical:
            raise Lost(f"the answer to {entry.id} is {key}")
        self.entries.append(entry)

    # ---- what a client does on its connection ----
    async def create(self, line):
        entry = self.entry()
        await self.ask_entry(line, entry, self.post_entry(entry), 201)

    async def again(self, line):
        if self.entries:
            entry = self.random.choice(self.entries)
            await self.ask_entry(line, entry, self.post_entry(entry), 201)

    async def known(self, line):
        if self.entries:
            entry = self.random.choice(self.entries)
            await self.ask_entry(line, entry, self.get(f"/api/v1/log/entries/{entry.id}"), 200)

    async def unknown(self, line):
        await self.ask(line, self.get(f"/api/v1/log/entries/{self.world.tree_id:016x}{os.urandom(32).hex()}"))

    async def read(self, line):
        await self.ask(line, self.get("/api/v1/log"))

    async def sign(self, line):
        await self.ask(line, self.post("/api/v2/signingCert", "application/json", self.random.choice(self.signs)))

    async def stamp(self, line):
        await self.ask(line, self.post("/api/v1/timestamp", "application/timestamp-query",
                                       self.random.choice(self.stamps)))

    async def big(self, line):
        await self.ask(line, self.post("/api/v1/log/entries", "application/json", b"{" + b" " * (1 << 20) + b"}"))

    async def leave(self, line):
        request = self.post_entry(self.entry()) if self.random.random() < 0.7 else self.post(
            "/api/v2/signingCert", "application/json", self.random.choice(self.signs))
        line[1].write(request[:self.random.choice((len(request), len(request) - 40))])
        await asyncio.sleep(self.random.random() * 0.3)
        line[1].transport.abort()

    async def half_close(self, line):
        line[1].write(self.post_entry(self.entry()))
        if line[1].can_write_eof():
            line[1].write_eof()
        await self.to_the_end(line)

    async def garbage(self, line):
        line[1].write(self.random.choice(GARBAGE))
        await self.to_the_end(line, 0.5)

    async def silent(self, line):
        await asyncio.sleep(self.random.random())
        line[1].transport.abort()

    async def half_head(self, line):
        line[1].write(b"POST /api/v1/log/entries HTTP/1.1\r\nHost: a\r\nContent-Le")
        await asyncio.sleep(self.random.random())
        line[1].transport.abort()

    async def to_the_end(self, line, seconds=5.0):
        try:
            await asyncio.wait_for(line[0].read(), seconds)
        except (asyncio.TimeoutError, ConnectionError):
            pass
        line[1].transport.abort()

    # ---- the crowd ----
    async def worker(self):
        while not self.ending.is_set():
            await asyncio.sleep(self.random.expovariate(self.rate / self.workers))
            try:
                line = await asyncio.open_connection(*self.world.address, ssl=self.tls, limit=1 << 22)
            except OSError as e:
                self.lost.append(f"no connection: {e}")
                continue
            try:
                for _ in range(self.random.randint(1, 4)):
                    kind = self.random.choices(list(self.kinds), self.kinds.values())[0]
                    self.did[kind.__name__] += 1
                    await kind(line)
                    if line[1].transport.is_closing() or self.ending.is_set():
                        break
            except Lost as e:
                self.lost.append(str(e))
            finally:
                line[1].transport.abort()

    def start(self):
        self.ending.clear()
        self.tasks = [asyncio.ensure_future(self.worker()) for _ in range(self.workers)]

    async def stop(self):
        """Every request that is out is waited for."""
        self.ending.set()
        await asyncio.gather(*self.tasks)
