"""The clients: each has a connection of its own, asks once, and waits."""
import asyncio
import base64
import json
import time

WAIT = 600.0  # for an answer; the relay's own retry_for is as long


async def read_answer(reader):
    """(status, {header: value}, body)"""
    lines = (await reader.readuntil(b"\r\n\r\n")).decode("latin-1").split("\r\n")
    headers = {}
    for line in filter(None, lines[1:]):
        name, value = line.split(":", 1)
        headers[name.strip().lower()] = value.strip()
    return int(lines[0].split(" ")[1]), headers, await reader.readexactly(int(headers["content-length"]))


class Client:
    """One that posts an entry, or (entry is None) reads what the log is about."""

    def __init__(self, address, entry, leaves):
        self.address = address
        self.entry = entry
        self.leaves = leaves  # hangs up midway and comes back
        self.posted = asyncio.Event()
        self.answers = 0
        self.wrong = ""  # why an answer is not what was asked for
        self.answered_at = None
        self.writer = None

    def request(self):
        head = "Host: rekor.test\r\nUser-Agent: cosign/v2.6.5 (linux; amd64)\r\nAccept: application/json\r\n"
        if not self.entry:
            return f"GET /api/v1/log HTTP/1.1\r\n{head}\r\n".encode()
        body = self.entry.posted
        return (f"POST /api/v1/log/entries HTTP/1.1\r\n{head}Content-Type: application/json\r\n"
                f"Content-Length: {len(body)}\r\n\r\n").encode() + body

    async def ask(self):
        reader, self.writer = await asyncio.open_connection(*self.address, limit=1 << 20)
        self.writer.write(self.request())
        await self.writer.drain()
        self.posted.set()
        return reader

    async def run(self, halfway):
        """Asks, and keeps the connection open: a second answer would be seen. halfway:
        an event, at which those that leave do."""
        reader = await self.ask()
        if self.leaves:
            await halfway.wait()
            self.writer.transport.abort()
            reader = await self.ask()
        answer = await asyncio.wait_for(read_answer(reader), WAIT)
        self.answered_at = time.monotonic()
        self.answers += 1
        self.wrong = self.judge(*answer)
        self.reader = reader

    def judge(self, status, headers, body):
        if not self.entry:
            return "" if status == 200 and b"treeSize" in body else f"{status} {body[:200]!r}"
        if status != 201:
            return f"{status} {body[:200]!r}"
        [(key, entry)] = json.loads(body).items()
        if key != self.entry.id or headers.get("etag", "").strip('"') != key:
            return f"the entry {key} (ETag {headers.get('etag')}) instead of {self.entry.id}"
        if base64.b64decode(entry["body"]) != self.entry.canonical:
            return f"another body under {key}"
        return ""

    async def close(self):
        """A byte that still comes is a second answer."""
        if not self.writer:
            return
        if self.answered_at:
            try:
                self.answers += 1 if await asyncio.wait_for(self.reader.read(1), 0.2) else 0
            except asyncio.TimeoutError:
                pass
        self.writer.transport.abort()
