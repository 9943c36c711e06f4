r"""Consent over pipes: the question is an event on standard output, the answer a line on standard input.

With `--output-format stream-json` a tool that needs consent writes an `approval_requested` event with its `call_id`,
`name`, `args` and `reason`. It is answered by one line of JSON on standard input:

    {"type": "approval", "call_id": "…", "approved": true}
    {"type": "approval", "call_id": "…", "approved": true, "args": {"path": "other.txt"}}
    {"type": "approval", "call_id": "…", "approved": true, "session": true}
    {"type": "approval", "call_id": "…", "approved": true, "always": true}
    {"type": "approval", "call_id": "…", "approved": false, "reason": "not that file"}

The event's `rule` is what `session` allows until the end, and what `always` writes to the person's file of rules; it
is empty where only the one call can be allowed. Answers may come in any order, and other lines are ignored. Where
standard input is a terminal, has ended, or ends before the answer comes, the policy of `--approve` decides.
"""

from __future__ import annotations

import asyncio
import json
import os
import sys
import threading
from contextlib import suppress
from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    from lra.tools.consent import Answer, Approver


class LineApprover:
    """Waits for the answers to questions that were asked as events.

    Args:
        otherwise: Who answers when no more lines come.
    """

    def __init__(self, otherwise: Approver) -> None:
        self._otherwise = otherwise
        self._answers: dict[str, dict[str, Any]] = {}
        self._arrived = asyncio.Event()
        self._ended = False
        self._reading = False

    async def __call__(
        self, name: str, args: dict[str, Any], reason: str, *, call_id: str = "", lasting: bool = True
    ) -> Answer:
        """Return the answer to the question with this call's id."""
        from lra.tools.consent import Edited, Lasting

        self._read()
        while call_id not in self._answers:
            if self._ended:
                return await self._otherwise(name, args, reason, call_id=call_id, lasting=lasting)
            self._arrived.clear()
            await self._arrived.wait()
        answer = self._answers.pop(call_id)
        if answer["approved"] is not True:
            return str(answer.get("reason") or "") or False
        changed = answer["args"] if isinstance(answer.get("args"), dict) else None
        if answer.get("always") is True:
            return Lasting("always", changed)
        if answer.get("session") is True:
            return Lasting("session", changed)
        return True if changed is None else Edited(changed)

    def _read(self) -> None:
        """Begin to read, once, in a thread that never keeps the process alive."""
        if self._reading:
            return
        self._reading = True
        loop = asyncio.get_running_loop()

        def work() -> None:
            # Not through the buffered file: its lock must be free when the interpreter ends before the pipe does.
            rest = b""
            with suppress(OSError, ValueError, RuntimeError):
                while piece := os.read(sys.stdin.fileno(), 65536):
                    *lines, rest = (rest + piece).split(b"\n")
                    for line in lines:
                        loop.call_soon_threadsafe(self._heard, line)
                loop.call_soon_threadsafe(self._heard, rest)
            with suppress(RuntimeError):
                loop.call_soon_threadsafe(self._finished)

        if sys.stdin is None or sys.stdin.closed or sys.stdin.isatty():
            self._finished()
        else:
            threading.Thread(target=work, name="answers", daemon=True).start()

    def _heard(self, line: bytes) -> None:
        try:
            answer = json.loads(line)
        except ValueError:
            return
        if isinstance(answer, dict) and answer.get("type") == "approval" and "approved" in answer:
            self._answers[str(answer.get("call_id", ""))] = answer
            self._arrived.set()

    def _finished(self) -> None:
        self._ended = True
        self._arrived.set()
