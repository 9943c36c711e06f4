r"""Consent over pipes: the question is an event on standard output, the answer a line on standard input.

With `--output-format stream-json` a tool that needs consent writes an `approval_requested` event with its `call_id`,
`name`, `args` and `reason`. It is answered by one line of JSON on standard input:

    {"type": "approval", "call_id": "…", "approved": true}
    {"type": "approval", "call_id": "…", "approved": true, "args": {"path": "other.txt"}}
    {"type": "approval", "call_id": "…", "approved": true, "session": true}
    {"type": "approval", "call_id": "…", "approved": true, "always": true}
    {"type": "approval", "call_id": "…", "approved": false, "reason": "not that file"}

The event's `rule` is what `session` allows until the end, and what `always` writes to the person's file of rules; it
is empty where only the one call can be allowed. Answers may come in any order. A line that is no such answer answers
nothing: a `notice` event says which line it was and what is wrong with it, and the question stays open. Where standard
input is a terminal, has ended, or ends before the answer comes, the call is refused.
"""

from __future__ import annotations

import asyncio
import json
from collections.abc import Callable
from typing import TYPE_CHECKING, Any

from lra.chat.standard_input import StandardInput
from lra.chat.width import clip

if TYPE_CHECKING:
    from lra.tools.consent import Answer

_MOST = 10
"""Lines that are complained about one by one."""
_TYPES: dict[str, tuple[type, str]] = {
    "call_id": (str, "the call_id of the question"),
    "approved": (bool, "true or false"),
    "session": (bool, "true or false"),
    "always": (bool, "true or false"),
    "args": (dict, "an object"),
    "reason": (str, "a text"),
}
_NEEDED = ("call_id", "approved")


class LineApprover:
    """Waits for the answers to questions that were asked as events.

    Args:
        source: Where the lines come from.
    """

    def __init__(self, source: StandardInput) -> None:
        self._source = source
        self._answers: dict[str, dict[str, Any]] = {}
        self._open: set[str] = set()
        self._arrived = asyncio.Event()
        self._ended = False
        self._number = self._wrong = 0
        self._tell: Callable[[str], None] = lambda sentence: None
        self._listening: asyncio.Task[None] | None = None

    async def __call__(
        self, name: str, args: dict[str, Any], reason: str, *, call_id: str = "", lasting: bool = True
    ) -> Answer:
        """Return the answer to the question with this call's id."""
        from lra.tools.consent import Edited, Lasting

        self._open.add(call_id)
        try:
            while call_id not in self._answers:
                if self._ended:
                    return self._unattended()
                self._arrived.clear()
                await self._arrived.wait()
        finally:
            self._open.discard(call_id)
        answer = self._answers.pop(call_id)
        if not answer["approved"]:
            return str(answer.get("reason", "")) or False
        changed = answer.get("args")
        if answer.get("always"):
            return Lasting("always", changed)
        if answer.get("session"):
            return Lasting("session", changed)
        return True if changed is None else Edited(changed)

    def _unattended(self) -> str:
        from lra.tools.consent import UNATTENDED

        if self._source.terminal:
            why = "Standard input is a terminal; with stream-json, answers are lines of JSON in a pipe."
            return f"{UNATTENDED} {why} Without -p you are asked, and --approve auto allows what would be asked."
        why = "Standard input has ended, where answers to stream-json are read."
        return f"{UNATTENDED} {why} Keep it open, or use --approve auto to allow what would be asked."

    def listen(self, tell: Callable[[str], None]) -> None:
        """Take answers from now on.

        Args:
            tell: Says on the stream which line was not understood.
        """
        self._tell = tell
        self._listening = asyncio.create_task(self._listen())

    async def _listen(self) -> None:
        await self._source.lines(self._heard)
        self._ended = True
        self._arrived.set()

    def _heard(self, line: bytes) -> None:
        self._number += 1
        if not line.strip():
            return
        try:
            answer = json.loads(line)
            wrong = _mistake(answer)
        except (ValueError, RecursionError):
            answer, wrong = None, "it is no JSON"
        if not wrong and answer["call_id"] not in self._open:
            wrong = f"no question with the call_id {clip(answer['call_id'], 40)!r} is open"
        if wrong:
            self._complain(wrong)
        else:
            self._answers[answer["call_id"]] = answer
            self._arrived.set()

    def _complain(self, wrong: str) -> None:
        self._wrong += 1
        if self._wrong > _MOST:
            return
        waiting = f" The question about {', '.join(sorted(self._open))} is still open." if self._open else ""
        more = " Further lines like it are not told." if self._wrong == _MOST else ""
        self._tell(f"Line {self._number} of standard input was not understood: {wrong}.{waiting}{more}")


def _mistake(answer: Any) -> str:
    """Return what is wrong with an answer; empty when nothing is."""
    if not isinstance(answer, dict) or answer.get("type") != "approval":
        return 'only answers to questions are read there, as {"type": "approval", "call_id": "…", "approved": true}'
    for name in _NEEDED:
        if name not in answer:
            return f'"{name}" is missing'
    for name, (kind, what) in _TYPES.items():
        if name in answer and not isinstance(answer[name], kind):
            return f'"{name}" has to be {what}, not {clip(json.dumps(answer[name], ensure_ascii=False), 40)}'
    return ""
