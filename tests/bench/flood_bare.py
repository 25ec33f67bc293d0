"""The least that a door can be, for the ratio beside ingest's: no validation and no fairness.

python -m tests.bench.flood_bare PORT KAFKA LIMITED_KEY: who has that key is told 429, whatever
others send is decoded, produced, and answered once Kafka has it.
"""

from __future__ import annotations

import asyncio
import sys
from base64 import b64encode

import msgspec
import uvloop

from services.common import clients
from services.common.batch import Output
from services.common.settings import Settings
from services.ingest.publisher import KafkaPublisher

TOPIC = "bench.flood.bare"
_decode = msgspec.json.Decoder().decode


async def serve(port: int, kafka: str, limited_key: str) -> None:
    publisher = KafkaPublisher()
    publisher.attach(clients.producer(Settings(kafka=kafka)))
    limited = b64encode(f"{limited_key}:".encode())

    async def connection(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        while True:
            try:
                head = await reader.readuntil(b"\r\n\r\n")
                length = head.partition(b"Content-Length: ")[2].partition(b"\r\n")[0]
                body = await reader.readexactly(int(length))
            except (asyncio.IncompleteReadError, ConnectionError):
                break
            if limited in head:
                writer.write(b"HTTP/1.1 429 Too Many\r\ncontent-length: 0\r\n\r\n")
                continue
            found = _decode(body)
            calls = found.get("batch", [found])
            values = [msgspec.json.encode(call) for call in calls]
            await publisher.publish([Output(TOPIC, b"k", value) for value in values])
            writer.write(b"HTTP/1.1 200 OK\r\ncontent-length: 0\r\n\r\n")
        writer.close()

    reports = asyncio.create_task(publisher.serve_reports())
    async with await asyncio.start_server(connection, "127.0.0.1", port) as server:
        await asyncio.gather(reports, server.serve_forever())


if __name__ == "__main__":
    uvloop.run(serve(int(sys.argv[1]), sys.argv[2], sys.argv[3]))
