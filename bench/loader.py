"""Sends HTTP requests over kept connections, each as soon as the last one is answered."""

import asyncio
import itertools
import json
import math
import statistics
import time
from collections import Counter
from collections.abc import Iterable, Iterator
from dataclasses import dataclass, field
from typing import Any
from urllib.parse import urlsplit


@dataclass(frozen=True)
class Request:
    method: str
    path: str
    body: Any = None

    def encoded(self, host: str) -> bytes:
        body = b"" if self.body is None else json.dumps(self.body).encode()
        head = (
            f"{self.method} {self.path} HTTP/1.1\r\nHost: {host}\r\nAccept: application/json\r\n"
            "X-OpenStack-Ironic-API-Version: 1.109\r\n"
        )
        if body:
            head += f"Content-Type: application/json\r\nContent-Length: {len(body)}\r\n"
        return head.encode() + b"\r\n" + body


@dataclass
class Load:
    """What was answered: how often which status, and after how many seconds each."""

    seconds: float = 0.0
    dropped: int = 0  # connections
    statuses: Counter[int] = field(default_factory=Counter)
    latencies: list[float] = field(default_factory=list)

    @property
    def answers(self) -> int:
        return len(self.latencies)

    @property
    def p50(self) -> float:
        return statistics.median(self.latencies)

    @property
    def slowest(self) -> float:
        return max(self.latencies)


def send(
    url: str, requests: Iterable[Request], connections: int, seconds: float = math.inf
) -> Load:
    """Send the requests, or as many as can be begun within these seconds."""
    where = urlsplit(url)
    encoded = (request.encoded(where.netloc) for request in requests)
    return asyncio.run(_send(where.hostname, where.port, encoded, connections, seconds))


def again_and_again(*requests: Request) -> Iterator[Request]:
    return itertools.cycle(requests)


async def _send(
    host: str | None, port: int | None, requests: Iterator[bytes], connections: int, seconds: float
) -> Load:
    load, begin = Load(), time.perf_counter()

    async def work() -> None:
        reader, writer = await asyncio.open_connection(host, port, limit=1 << 26)
        try:
            while time.perf_counter() < begin + seconds and (request := next(requests, None)):
                at = time.perf_counter()
                writer.write(request)
                try:
                    status, closes = await _answer(reader)
                except (ConnectionError, asyncio.IncompleteReadError):
                    # it closed a connection it had said to keep: what a client does is ask again
                    load.dropped += 1
                    reader, writer = await asyncio.open_connection(host, port, limit=1 << 26)
                    writer.write(request)
                    status, closes = await _answer(reader)
                load.latencies.append(time.perf_counter() - at)
                load.statuses[status] += 1
                if closes:
                    writer.close()
                    reader, writer = await asyncio.open_connection(host, port, limit=1 << 26)
        finally:
            writer.close()

    await asyncio.gather(*(work() for _ in range(connections)))
    load.seconds = time.perf_counter() - begin
    return load


async def _answer(reader: asyncio.StreamReader) -> tuple[int, bool]:
    """Read one answer: its status, and whether the server closes the connection after it."""
    first, *lines = (await reader.readuntil(b"\r\n\r\n")).decode("latin-1").split("\r\n")
    headers = {
        name.lower(): value.strip() for name, _, value in (line.partition(":") for line in lines)
    }
    status = int(first.split()[1])
    if "chunked" in headers.get("transfer-encoding", ""):
        while size := int(await reader.readline(), 16):
            await reader.readexactly(size + 2)
        await reader.readline()
    else:
        await reader.readexactly(int(headers.get("content-length", 0)))
    return status, headers.get("connection", "").lower() == "close"
