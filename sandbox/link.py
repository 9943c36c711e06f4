"""The owner's end of the connection to one guest."""

from __future__ import annotations

import asyncio
import contextlib
import itertools
from collections.abc import AsyncGenerator
from typing import Any

from sandbox.errors import ERRORS, GoneError, SandboxError
from sandbox.guest.protocol import VERSION, Decoder, Message, ProtocolError, encode
from sandbox.providers.base import Box, Spec

_HELLO_SECONDS = 15.0
_PAUSES = (0.05, 0.2, 0.5)
_ANSWER_SECONDS = 30.0
_WAITING = 256
"""Messages of one call that wait for their reader before the guest is held up."""
Item = tuple[Message, bytes | None]


class Link:
    """Requests to a guest, and their answers. Build it with `open`."""

    def __init__(self, reader: asyncio.StreamReader, writer: asyncio.StreamWriter, lease: float) -> None:
        self._reader = reader
        self._writer = writer
        self._lease = lease
        self._numbers = itertools.count(1)
        self._calls: dict[int, asyncio.Queue[Item | None]] = {}
        self._ending: dict[int, asyncio.Event] = {}
        """Cells that nobody listens to any more, until the guest has ended them."""
        self._tasks: list[asyncio.Task[None]] = []
        self._decoder = Decoder()
        self.hello: Message = {}
        """What the guest said of itself."""
        self.closed = False

    @classmethod
    async def open(cls, box: Box, spec: Spec) -> Link:
        """Connect to a guest and show it the token.

        Args:
            box: The guest.
            spec: What it was started with.

        Raises:
            GoneError: It does not answer.
        """
        for pause in _PAUSES:
            try:
                return await cls._greet(box, spec)
            except GoneError:
                # A guest that lives may have had no room for one more knock.
                if not await box.alive():
                    raise
            await asyncio.sleep(pause)
        return await cls._greet(box, spec)

    @classmethod
    async def _greet(cls, box: Box, spec: Spec) -> Link:
        reader, writer = await box.connect()
        link = cls(reader, writer, spec.lease_seconds)
        try:
            async with asyncio.timeout(_HELLO_SECONDS):
                writer.write(encode({"op": "hello", "token": spec.token}))
                await writer.drain()
                while not link.hello:
                    data = await reader.read(1 << 16)
                    if not data:
                        raise GoneError("The sandbox hung up before it was ready.")
                    for message, _ in link._decoder.feed(data):
                        link.hello = message
        except (TimeoutError, OSError, ProtocolError):
            writer.close()
            raise GoneError("The sandbox does not answer.") from None
        except BaseException:
            writer.close()
            raise
        if link.hello.get("protocol") != VERSION:
            writer.close()
            raise GoneError("The sandbox was started by another version.")
        link._tasks = [asyncio.create_task(link._read()), asyncio.create_task(link._renew())]
        return link

    async def close(self) -> None:
        """Hang up."""
        self._end()
        for task in self._tasks:
            task.cancel()
        await asyncio.gather(*self._tasks, return_exceptions=True)
        self._writer.close()
        with contextlib.suppress(OSError):
            await self._writer.wait_closed()

    async def ask(self, op: str, *, blob: bytes | None = None, **fields: Any) -> Item:
        """Make a request that is answered at once.

        Args:
            op: What to do.
            blob: Bytes that go with it.
            **fields: Its arguments.

        Raises:
            SandboxError: The guest refuses, or is gone.
        """
        try:
            async with asyncio.timeout(_ANSWER_SECONDS):
                async with contextlib.aclosing(self.call(op, blob=blob, **fields)) as events:
                    async for message, data in events:
                        if message.get("event") == "done":
                            return message, data
        except TimeoutError:
            raise GoneError("The sandbox does not answer.") from None
        raise GoneError("The sandbox has ended.")

    async def call(self, op: str, *, blob: bytes | None = None, **fields: Any) -> AsyncGenerator[Item, None]:
        """Make a request and yield its events, the last of them `done`.

        A reader that stops before the end has the call interrupted.

        Args:
            op: What to do.
            blob: Bytes that go with it.
            **fields: Its arguments.

        Raises:
            SandboxError: The guest refuses, or is gone.
        """
        number = next(self._numbers)
        queue: asyncio.Queue[Item | None] = asyncio.Queue(_WAITING)
        if self.closed:
            raise GoneError("The sandbox has ended.")
        if op == "execute":
            await self._settled()
        self._calls[number] = queue
        done = False
        try:
            await self._send({"id": number, "op": op, **fields}, blob)
            while not done:
                item = await queue.get()
                if item is None:
                    raise GoneError("The sandbox has ended.")
                done = item[0].get("event") == "done"
                if "error" in item[0]:
                    raise ERRORS.get(item[0]["error"], SandboxError)(str(item[0].get("message")))
                yield item
        finally:
            self._calls.pop(number, None)
            while not queue.empty():  # the reader may be waiting for room in it
                queue.get_nowait()
            if op in {"execute", "command"} and not (done or self.closed):
                self._ending[number] = asyncio.Event()
                self._writer.write(encode({"id": next(self._numbers), "op": "interrupt", "call": number}))

    async def _settled(self) -> None:
        """Wait for cells that were left to end, which the guest's ladder sees to."""
        with contextlib.suppress(TimeoutError):
            async with asyncio.timeout(_ANSWER_SECONDS):
                for ended in list(self._ending.values()):
                    await ended.wait()

    async def _send(self, message: Message, blob: bytes | None = None) -> None:
        try:
            self._writer.write(encode(message, blob))
            await self._writer.drain()
        except OSError:
            raise GoneError("The sandbox has ended.") from None

    async def _read(self) -> None:
        try:
            while data := await self._reader.read(1 << 18):
                for message, blob in self._decoder.feed(data):
                    number = message.get("id")
                    if message.get("event") == "done" and number in self._ending:
                        self._ending.pop(number).set()
                    queue = self._calls.get(number) if isinstance(number, int) else None
                    if queue is not None:
                        await queue.put((message, blob))
        except (OSError, ProtocolError):
            pass
        finally:
            self._end()

    async def _renew(self) -> None:
        while True:
            await asyncio.sleep(self._lease / 4)
            self._writer.write(encode({"id": 0, "op": "ping"}))

    def _end(self) -> None:
        self.closed = True
        for ended in self._ending.values():
            ended.set()
        for queue in self._calls.values():
            while queue.full():
                queue.get_nowait()
            queue.put_nowait(None)
