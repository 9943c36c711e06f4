"""The screen of a full terminal: finished text goes above the prompt, what changes into the live area."""

from __future__ import annotations

import os
import sys
from collections.abc import Callable
from typing import TYPE_CHECKING, TextIO

from lra.chat.live import Live
from lra.chat.queue import Pending
from lra.chat.render import Began, Busy, Ended, Heard, Piece, Style
from lra.chat.screen import ASCII, Screen
from lra.chat.table import counted
from lra.chat.theme import has_hyperlinks
from lra.chat.width import clip

if TYPE_CHECKING:
    from lra.chat.markdown import AnswerStream
    from lra.chat.prompt import Prompt


class LiveScreen(Screen):
    """Appends above a standing prompt, and straight to the terminal before and after it.

    Args:
        pending: Messages that wait, to be shown.
        on_gone: Called once when the terminal takes no more.
    """

    def __init__(self, *, pending: Pending, on_gone: Callable[[], None]) -> None:
        super().__init__(plain=False, out=sys.stdout, side=sys.stdout, on_gone=on_gone)
        self.live = Live(pending, self.styled)
        self._prompt: Prompt | None = None
        self._answer: AnswerStream | None = None

    def attach(self, prompt: Prompt) -> None:
        """Write above this prompt while it stands."""
        self._prompt = prompt
        prompt.area.live = self.live.lines

    def show(self, piece: Piece) -> None:
        """Show one piece of a turn."""
        if isinstance(piece, Began):
            self.live.began(piece.call_id, piece.call, piece.depth)
            self.live.busy = None
            self.repaint()
        elif isinstance(piece, Heard):
            self.live.heard(piece.call_id, self._safe(piece.text))
            self.repaint()
        elif isinstance(piece, Ended):
            self.live.ended(piece.call_id)
            self._result(piece)
        else:
            super().show(piece)

    def _result(self, ended: Ended) -> None:
        took = f" ({ended.took:.1f} s)" if ended.took >= 1 else ""
        more = f" (+{counted(ended.more, 'line')} · /expand)" if ended.more else ""
        indent = "  " * ended.depth
        room = max(20, self.columns - 1 - len(took) - len(more) - len(indent))
        first = next((line for line in ended.content.splitlines() if line.strip()), "")
        result = clip(first if ended.more and ended.style == "dim" else ended.text, max(12, room // 2))
        call = clip(ended.call, max(12, room - len(result) - 5))
        self.line(f"{indent}⚙ {call} → {result}{more}{took}", "tool" if ended.style == "dim" else ended.style)
        self.patch(ended.content)

    def text(self, text: str) -> None:
        """Append to the answer: its finished lines go up, its end stays in the live area."""
        self.live.busy = None
        if self._answer is None:
            self._answer = self._stream()
            self.live.tail = self._answer.tail
        if self._prompt is not None:
            self._prompt.answering(text)
        # The stream makes it safe, line breaks that were cut in two among it.
        self._up(self._answer.feed(text.translate(ASCII) if self._ascii else text))

    @property
    def blocks(self) -> list[str]:
        """The blocks of code of the answer that is being written; the last one as far as it has come."""
        return self._answer.blocks if self._answer is not None else []

    @property
    def in_block(self) -> bool:
        """Whether the last of them goes on."""
        return self._answer is not None and self._answer.in_block

    def end_line(self) -> None:
        """Finish the answer."""
        answer, self._answer = self._answer, None
        self.live.tail = None
        if answer is not None:
            self._up(answer.close())
            if self._prompt is not None:
                self._prompt.answering(None)
        self.repaint()

    def _stream(self) -> AnswerStream:
        # Loaded while the session opened; before the prompt there is no answer to render.
        from lra.chat.markdown import AnswerStream

        links = has_hyperlinks(os.environ)
        return AnswerStream(lambda: self.columns, self.theme, ascii=self._ascii, hyperlinks=links)

    def echo(self, text: str) -> None:
        """Append a message as it stood in the prompt."""
        first, *rest = self._safe(text).split("\n")
        self._up(
            "".join(line + "\n" for line in (self.styled("> ", "prompt") + first, *(f"  {line}" for line in rest)))
        )

    def answered(self, question: str, answer: str) -> None:
        """Append a question with its answer."""
        self.line(f"{question.rstrip()} {answer}".rstrip())

    def steering(self, texts: list[str]) -> None:
        """Show what the running turn will be given with its next request."""
        self.live.steering = texts
        self.repaint()

    def asked(self, lines: list[tuple[str, Style]]) -> None:
        """Keep what a question is about in the live area, where no output can push it away."""
        self.live.question = lines
        self.repaint()

    def busy(self, busy: Busy | None) -> None:
        """Set what is going on."""
        self.live.busy = busy
        self.repaint()

    def tick(self) -> None:
        """Let what moves with time move."""
        if self.live.moving:
            self.repaint()

    def calm(self) -> None:
        """Show nothing of a turn any more."""
        self.end_line()
        self.live.calm()
        self.repaint()

    def repaint(self) -> None:
        """Show the live area as it is now, soon."""
        if self._prompt is not None:
            self._prompt.repaint()

    def raw(self, control: str) -> None:
        """Send a control sequence of our own."""
        if self._prompt is not None and self._prompt.standing:
            self._prompt.send(control)
        else:
            super().raw(control)

    def _up(self, text: str) -> None:
        if text:
            self._write(self._out, text)
        else:
            self.repaint()

    def _write(self, stream: TextIO, text: str) -> None:
        if self._prompt is not None and self._prompt.standing:
            self._prompt.write(text)
        else:
            super()._write(stream, text)
