"""The few lines above the prompt that change: the answer's tail, running tools, what waits, what is asked."""

from __future__ import annotations

import time
from collections import deque
from collections.abc import Callable
from dataclasses import dataclass, field

from lra.chat.approval import ALL
from lra.chat.queue import Pending
from lra.chat.render import Busy, Style
from lra.chat.width import clip, wrap

FRAMES = "⠋⠙⠹⠸⠼⠴⠦⠧⠇⠏"
BUSY_AFTER = 0.4
"""Seconds that something may take before it is mentioned."""
OUTPUT_LINES = 3
"""Lines of a running tool's output."""
_SHORTEST = 20
"""Columns that have to be left of a message beside what can be done with it."""
QUEUE_LINES = 3


@dataclass(slots=True)
class Running:
    """A tool that runs."""

    call: str
    since: float
    depth: int = 0
    output: deque[str] = field(default_factory=lambda: deque(maxlen=OUTPUT_LINES))
    partial: str = ""
    """The last, unfinished line of its output."""

    def heard(self, text: str) -> None:
        """Take up live output."""
        *lines, self.partial = (self.partial + text.replace("\r\n", "\n").replace("\r", "\n"))[-20_000:].split("\n")
        self.output.extend(line for line in lines[-OUTPUT_LINES:] if line.strip())

    @property
    def tail(self) -> list[str]:
        """The last lines."""
        return [*self.output, *([self.partial] if self.partial.strip() else [])][-OUTPUT_LINES:]


class Live:
    """What the area above the prompt shows, as lines that fit.

    Args:
        pending: Messages that wait.
        styled: Makes a line safe and gives it its colours.
        clock: Seconds.
    """

    def __init__(
        self, pending: Pending, styled: Callable[[str, Style], str], clock: Callable[[], float] = time.monotonic
    ) -> None:
        self.tail: Callable[[int], list[str]] | None = None
        """The unfinished end of the answer, in at most so many styled lines."""
        self._question: list[tuple[str, Style]] = []
        self._asked_at = 0.0
        self.steering: list[str] = []
        """What the running turn will be given with its next request."""
        self._pending = pending
        self._styled = styled
        self._clock = clock
        self._tools: dict[str, Running] = {}
        self._busy: Busy | None = None
        self._busy_since = 0.0

    @property
    def busy(self) -> Busy | None:
        """What is going on."""
        return self._busy

    @busy.setter
    def busy(self, busy: Busy | None) -> None:
        if busy is None or self._busy is None or busy.seconds is not None or self._busy.seconds is not None:
            self._busy_since = self._clock()
        self._busy = busy

    @property
    def question(self) -> list[tuple[str, Style]]:
        """What is asked, above its answer; while there is something, only that and what waits is shown."""
        return self._question

    @question.setter
    def question(self, lines: list[tuple[str, Style]]) -> None:
        now = self._clock()
        if lines and not self._question:
            self._asked_at = now
        elif self._question and not lines:
            # Nothing went on while the person thought.
            for tool in self._tools.values():
                tool.since += now - max(self._asked_at, tool.since)
        self._question = lines

    @property
    def moving(self) -> bool:
        """Whether time alone changes what is shown."""
        return not self._question and (bool(self._tools) or self._busy is not None)

    def began(self, call_id: str, call: str, depth: int = 0) -> None:
        """Show a tool that runs."""
        self._tools[call_id] = Running(call, self._clock(), depth)

    def heard(self, call_id: str, text: str) -> None:
        """Show what a running tool says."""
        if call_id in self._tools:
            self._tools[call_id].heard(text)

    def ended(self, call_id: str) -> None:
        """Show a tool no longer."""
        self._tools.pop(call_id, None)

    def calm(self) -> None:
        """Show nothing of a turn any more."""
        self._tools.clear()
        self.tail = None
        self.busy = None

    def lines(self, width: int, rows: int) -> list[str]:
        """Return at most `rows` styled lines; what is asked comes first when there is no room for all."""
        width = max(10, width)
        asked = [self._styled(row, style) for text, style in self.question for row in wrap(text, width)]
        waiting = self._queue(width)
        doing = [] if asked else self._doing(width)
        room = rows
        if len(asked) > room:
            asked = [*asked[: max(1, room - 1)], self._styled(f"  … {ALL}", "dim")]
        asked = asked[:room]
        room -= len(asked)
        doing = doing[: max(0, room - min(1, len(waiting)))]
        room -= len(doing)
        waiting = waiting[:room]
        room -= len(waiting)
        tail = self.tail(room) if self.tail is not None and room > 0 else []
        return [*tail, *doing, *waiting, *asked]

    def _doing(self, width: int) -> list[str]:
        now = self._clock()
        lines = []
        for tool in self._tools.values():
            indent = "  " * tool.depth
            call = clip(f"{_frame(now)} {tool.call}", width - 8 - len(indent))
            lines.append(self._styled(indent + call + _elapsed(now - tool.since), "tool"))
            lines += [self._styled(f"{indent}  " + clip(text, width - 2 - len(indent)), "dim") for text in tool.tail]
        waited = now - self._busy_since
        if self._busy is not None and not self._tools and waited >= BUSY_AFTER:
            limit = self._busy.seconds
            seconds = waited if limit is None else max(0.0, limit - waited)
            text = f"{_frame(now)} {self._busy.text} {seconds:.0f} s · {self._busy.hint}"
            lines.append(self._styled(clip(text, width), "dim"))
        return lines

    def _queue(self, width: int) -> list[str]:
        pending = self._pending
        waiting = [("queued", message) for message in pending.messages] + [
            ("held", message) for message in pending.held
        ]
        steering = [self._styled("» " + clip(text, width - 2), "memory") for text in self.steering[-QUEUE_LINES:]]
        if not waiting:
            return steering
        # Beside a question or a turn these keys mean something else.
        idle = not self._question and self.tail is None and self._busy is None and not self._tools
        hint = ("Enter sends, Esc drops" if idle else "") if pending.held else "Up edits"
        shown = waiting[:QUEUE_LINES] if len(waiting) <= QUEUE_LINES else waiting[: QUEUE_LINES - 1]
        lines = [f"… {word}: {clip(message.brief, max(10, width - 12))}" for word, message in shown]
        if len(shown) < len(waiting):
            lines.append(f"… and {len(waiting) - len(shown)} more")
        room = width - len(hint) - 3
        if hint and room >= _SHORTEST:
            # A long message gives way to what can be done with it.
            lines[-1] = f"{clip(lines[-1], room)} · {hint}"
        return steering + [self._styled(clip(line, width), "memory") for line in lines]


def _frame(now: float) -> str:
    return FRAMES[int(now * 8) % len(FRAMES)]


def _elapsed(seconds: float) -> str:
    return f" {seconds:.0f} s" if seconds >= 1 else ""
