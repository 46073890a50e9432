"""A small proxy between the processor and an emulator, in which requests go wrong on demand.

`HttpProxy` reads whole HTTP/1.1 requests (S3, DynamoDB, PutRecords) and asks its fault what to do
with each. `TcpProxy` knows nothing of what it carries (KCL speaks HTTP/2 to Kinesis): it can only
cut. One request a connection: slower, and nothing of one request can leak into the next.
"""

from __future__ import annotations

import asyncio
import threading
from collections.abc import Awaitable, Callable, Coroutine
from contextlib import suppress
from dataclasses import dataclass, field
from typing import Any, Final, Self

from lake_local.ports import HOST

START_SECONDS: Final = 10
_LIMIT: Final = 64 * 1024 * 1024


@dataclass(slots=True)
class Request:
    """An HTTP request as it came."""

    method: str
    target: str
    headers: dict[str, str] = field(default_factory=dict)  # names in lower case
    body: bytes = b""

    def encode(self) -> bytes:
        """Return it for the emulator, which is to close the connection after its answer."""
        gone = {"connection", "expect", "transfer-encoding", "content-length"}
        headers = {name: value for name, value in self.headers.items() if name not in gone}
        headers |= {"content-length": str(len(self.body)), "connection": "close"}
        lines = [
            f"{self.method} {self.target} HTTP/1.1",
            *(f"{k}: {v}" for k, v in headers.items()),
        ]
        return "\r\n".join(lines).encode("latin-1") + b"\r\n\r\n" + self.body


Forward = Callable[[Request], Awaitable[bytes]]
# What happens to a request: the answer's bytes, or None for a connection that is cut.
Fault = Callable[[Request, Forward], Coroutine[Any, Any, bytes | None]]


async def no_fault(request: Request, forward: Forward) -> bytes | None:
    """Pass the request on."""
    return await forward(request)


class _Proxy:
    """A listener in a thread of its own."""

    def __init__(self, upstream_port: int) -> None:
        self.port = 0
        self._upstream_port = upstream_port
        self._loop = asyncio.new_event_loop()
        self._thread = threading.Thread(target=self._loop.run_forever, daemon=True)
        self._open: set[asyncio.StreamWriter] = set()
        self._gone = False

    def start(self) -> Self:
        """Listen on a free port."""
        self._thread.start()
        self._call(self._listen())
        return self

    def close(self) -> None:
        """Cut every connection and end the thread."""
        self.gone()
        self._call(self._cancel_all())
        self._loop.call_soon_threadsafe(self._loop.stop)
        self._thread.join(START_SECONDS)
        self._loop.close()

    def gone(self) -> None:
        """Cut every connection, now and until `back`."""
        self._gone = True
        self._loop.call_soon_threadsafe(self._abort_all)

    def back(self) -> None:
        """Serve again."""
        self._gone = False

    def _call(self, work: Coroutine[Any, Any, Any]) -> None:
        asyncio.run_coroutine_threadsafe(work, self._loop).result(START_SECONDS)

    async def _listen(self) -> None:
        self._server = await asyncio.start_server(self._accept, HOST, 0, limit=_LIMIT)
        self.port = self._server.sockets[0].getsockname()[1]

    async def _cancel_all(self) -> None:
        self._server.close()
        tasks = [task for task in asyncio.all_tasks() if task is not asyncio.current_task()]
        for task in tasks:
            task.cancel()
        await asyncio.gather(*tasks, return_exceptions=True)

    def _abort_all(self) -> None:
        for writer in list(self._open):
            writer.transport.abort()

    async def _accept(self, reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        if self._gone:
            writer.transport.abort()
            return
        self._open.add(writer)
        # A connection that ends in the middle is what this proxy is for; `close` cancels the rest.
        with suppress(OSError, asyncio.IncompleteReadError, asyncio.CancelledError):
            await self.serve(reader, writer)
        self._open.discard(writer)
        writer.close()

    async def serve(self, reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        """Serve one connection."""
        raise NotImplementedError

    async def upstream(self) -> tuple[asyncio.StreamReader, asyncio.StreamWriter]:
        """Connect to the emulator."""
        return await asyncio.open_connection(HOST, self._upstream_port, limit=_LIMIT)


class TcpProxy(_Proxy):
    """Carries bytes both ways."""

    async def serve(self, reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        """Carry until one side ends."""
        other_reader, other_writer = await self.upstream()
        self._open.add(other_writer)
        try:
            await asyncio.gather(_pump(reader, other_writer), _pump(other_reader, writer))
        finally:
            self._open.discard(other_writer)
            other_writer.close()


class HttpProxy(_Proxy):
    """Serves one request a connection, as its fault wills."""

    def __init__(self, upstream_port: int) -> None:
        super().__init__(upstream_port)
        self.fault: Fault = no_fault
        self.rewrite: Callable[[Request], None] = lambda _: None  # what every request goes through

    async def serve(self, reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        """Serve one request."""
        request = await _read_request(reader, writer)
        self.rewrite(request)
        answer = await self.fault(request, self.forward)
        if answer is None:
            writer.transport.abort()
            return
        writer.write(answer)
        await writer.drain()

    async def forward(self, request: Request) -> bytes:
        """Ask the emulator and return its whole answer, which says that the connection ends."""
        reader, writer = await self.upstream()
        try:
            writer.write(request.encode())
            await writer.drain()
            answer = await reader.read(-1)
        finally:
            writer.close()
        head, separator, body = answer.partition(b"\r\n\r\n")
        lines = [line for line in head.split(b"\r\n") if not line.lower().startswith(b"connection")]
        return b"\r\n".join([*lines, b"connection: close"]) + separator + body


async def _pump(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
    with suppress(OSError):
        while chunk := await reader.read(1 << 16):
            writer.write(chunk)
            await writer.drain()
    writer.close()


async def _read_request(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> Request:
    head = (await reader.readuntil(b"\r\n\r\n")).decode("latin-1").split("\r\n")
    method, target, _ = head[0].split(" ", 2)
    pairs = (line.split(":", 1) for line in head[1:] if line)
    request = Request(method, target, {name.lower(): value.strip() for name, value in pairs})
    if request.headers.get("expect", "").lower() == "100-continue":
        writer.write(b"HTTP/1.1 100 Continue\r\n\r\n")
        await writer.drain()
    if "chunked" in request.headers.get("transfer-encoding", ""):
        request.body = await _read_chunks(reader)
    else:
        request.body = await reader.readexactly(int(request.headers.get("content-length", "0")))
    return request


async def _read_chunks(reader: asyncio.StreamReader) -> bytes:
    body = b""
    while size := int((await reader.readline()).split(b";")[0], 16):
        body += await reader.readexactly(size)
        await reader.readline()
    while (await reader.readline()).strip():
        pass  # trailers
    return body
