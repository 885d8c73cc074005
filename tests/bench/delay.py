#!/usr/bin/env python3
"""A path with a delay: delay.py LISTEN_PORT TO_PORT ONE_WAY_MS.

Every byte arrives ONE_WAY_MS later than it was sent, in both directions. What
a process between two sockets cannot delay is the TCP handshake, so the first
bytes of each connection pay for it: one round trip more."""
import asyncio
import sys

LISTEN, TO, ONE_WAY = int(sys.argv[1]), int(sys.argv[2]), float(sys.argv[3]) / 1000


async def carry(reader, writer, first_extra):
    loop = asyncio.get_running_loop()
    queue = asyncio.Queue()

    async def deliver():
        while True:
            due, data = await queue.get()
            await asyncio.sleep(max(0, due - loop.time()))
            if not data:
                writer.close()
                return
            writer.write(data)

    task = asyncio.create_task(deliver())
    opened_until = loop.time() + first_extra
    while True:
        try:
            data = await reader.read(65536)
        except OSError:
            data = b""
        queue.put_nowait((max(loop.time(), opened_until) + ONE_WAY, data))
        if not data:
            break
    await task


async def connection(reader, writer):
    up_reader, up_writer = await asyncio.open_connection("127.0.0.1", TO)
    await asyncio.gather(
        carry(reader, up_writer, 2 * ONE_WAY), carry(up_reader, writer, 0), return_exceptions=True
    )


async def main():
    server = await asyncio.start_server(connection, "127.0.0.1", LISTEN)
    print("ready", flush=True)
    async with server:
        await server.serve_forever()


asyncio.run(main())
