"""The sandboxes that written tools run in: one for each tool, with exactly its grants."""

from __future__ import annotations

import asyncio
import contextlib
from collections import OrderedDict
from collections.abc import AsyncGenerator, Awaitable, Callable, Mapping
from typing import Any

from lra.text import printable
from lra.tools.generated.grants import Grants
from lra.tools.generated.runner import Outcome, cell, read_outcome
from sandbox.client import Client, SandboxError

_MOST_BOXES = 8
_MOST_SAID = 20_000

Connect = Callable[[], Awaitable[Client]]


class ToolBoxes:
    """Makes a sandbox for a tool when it is first called, and keeps the last few.

    Args:
        connect: Returns the client of the sandboxes.
        label: What the sandboxes are for, shown where they are listed.
    """

    def __init__(self, connect: Connect, label: str) -> None:
        self._connect = connect
        self._label = label
        self._boxes: OrderedDict[tuple[str, str], _Box] = OrderedDict()
        self._making = asyncio.Lock()

    async def call(
        self,
        name: str,
        source: str,
        grants: Grants,
        args: Mapping[str, Any],
        *,
        said: Callable[[str], None] | None = None,
    ) -> Outcome:
        """Call a tool in its sandbox.

        Args:
            name: The function.
            source: Its module.
            grants: What it may use.
            args: Its arguments, as JSON.
            said: Told what it prints while it runs.
        """
        try:
            box = await self._box(name, source, grants)
            return await box.call(args, said)
        except SandboxError as error:
            await self._drop((name, source))
            return Outcome(error=f"its sandbox could not be used: {error.message.rstrip('.')}")

    async def _box(self, name: str, source: str, grants: Grants) -> _Box:
        key = (name, source)
        async with self._making:
            box = self._boxes.get(key)
            if box is not None and box.ended:
                await box.end()
                box = None
            if box is None:
                client = await self._connect()
                made = await client.create(metadata={"session": self._label, "tool": name}, **grants.options())
                box = self._boxes[key] = _Box(client, str(made["id"]), name, source, grants)
            self._boxes.move_to_end(key)
            idle = [each for each, other in self._boxes.items() if not other.busy and each != key]
        for old in idle[: max(0, len(self._boxes) - _MOST_BOXES)]:
            await self._drop(old)
        return box

    async def _drop(self, key: tuple[str, str]) -> None:
        box = self._boxes.pop(key, None)
        if box is not None:
            await box.end()

    async def close(self) -> None:
        """End all of them."""
        for key in list(self._boxes):
            await self._drop(key)


class _Box:
    """The sandbox of one tool."""

    def __init__(self, client: Client, sandbox_id: str, name: str, source: str, grants: Grants) -> None:
        self._client = client
        self._id = sandbox_id
        self._name = name
        self._source = source
        self._grants = grants
        self._loaded = False
        self._turns = asyncio.Lock()
        self.ended = False

    @property
    def busy(self) -> bool:
        return self._turns.locked()

    async def call(self, args: Mapping[str, Any], said: Callable[[str], None] | None) -> Outcome:
        # One after the other: a kernel runs one cell at a time.
        async with self._turns:
            try:
                return await self._call(args, said)
            except SandboxError:
                self.ended = True
                raise

    async def _call(self, args: Mapping[str, Any], said: Callable[[str], None] | None) -> Outcome:
        code = cell(self._name, args, None if self._loaded else self._source)
        shown, printed, done = "", "", dict[str, Any]()
        events: AsyncGenerator[dict[str, Any], None] = self._client.execute(
            self._id, code, timeout=self._grants.seconds
        )
        self._loaded = False
        # Left early, as by an interrupt, the code is interrupted too.
        async with contextlib.aclosing(events):
            async for event in events:
                if event["event"] in {"stdout", "stderr"} and len(printed) < _MOST_SAID:
                    printed += event["text"]
                    if said is not None:
                        said(printable(event["text"]))
                elif event["event"] == "result":
                    shown = str(event["data"].get("text/plain", ""))
                elif event["event"] == "done":
                    done = event
        match done.get("status"):
            case "ok":
                outcome = read_outcome(shown, self._source)
                self._loaded = True
                return outcome
            case "timeout":
                return Outcome(error=f"it ran longer than {self._grants.seconds:g} s and was stopped")
            case "interrupted":
                return Outcome(error="it was interrupted")
            case "exit":
                return Outcome(error="it ended its own process instead of returning")
        self.ended = not done.get("state")
        if self.ended:
            memory = self._grants.memory_mb
            return Outcome(error=f"its process ended before it returned, perhaps since it needs more than {memory} MB")
        why = str(done.get("message") or done.get("traceback") or "").strip().split("\n")[-1][:500].rstrip(".")
        return Outcome(error=f"it broke its process{f': {why}' if why else ''}")

    async def end(self) -> None:
        self.ended = True
        with contextlib.suppress(SandboxError):
            await self._client.delete(self._id)
