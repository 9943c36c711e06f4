"""The real front, prompt and painter and all, on a terminal in memory with a clock that nobody waits for."""

from __future__ import annotations

import asyncio
import io
import selectors
from collections.abc import AsyncIterator, Callable, Coroutine
from contextlib import asynccontextmanager
from types import SimpleNamespace
from typing import Any, TypeVar

import prompt_toolkit.application.application
import pyte
import pytest
from prompt_toolkit.completion import DummyCompleter
from prompt_toolkit.data_structures import Size
from prompt_toolkit.history import InMemoryHistory
from prompt_toolkit.input import PipeInput, create_pipe_input

import lra.chat.prompt
from lra.chat.history import PromptHistory
from lra.chat.keyboard import Keyboard
from lra.chat.keys import Actions
from lra.chat.live_screen import LiveScreen
from lra.chat.markdown import AnswerStream
from lra.chat.output import SteadyOutput
from lra.chat.prompt import Prompt
from lra.chat.queue import Pending
from lra.chat.theme import Theme

T = TypeVar("T")


class _Selector(selectors.DefaultSelector):
    """Looks for what is ready, and lets the clock run on instead of waiting."""

    loop: Clockwork

    def select(self, timeout: float | None = None) -> Any:
        if timeout is None:
            return super().select(None)
        ready = super().select(0)
        if not ready:
            self.loop.now += max(0.0, timeout)
        return ready


class Clockwork(asyncio.SelectorEventLoop):
    """An event loop whose seconds pass as soon as nothing is to be done in them."""

    def __init__(self) -> None:
        self.now = 1000.0
        selector = _Selector()
        selector.loop = self
        super().__init__(selector)

    def time(self) -> float:
        return self.now


def run(work: Callable[[], Coroutine[Any, Any, T]]) -> T:
    """Run a coroutine on a clock of its own."""
    with asyncio.Runner(loop_factory=Clockwork) as runner:
        return runner.run(work())


class Sink(io.StringIO):
    """A terminal: what is written, when, and what it shows."""

    encoding = "utf-8"

    def __init__(self, columns: int, rows: int) -> None:
        super().__init__()
        self.columns, self.rows = columns, rows
        self.frames: list[tuple[float, str]] = []
        """Each write with its time."""
        self.screen = pyte.HistoryScreen(columns, rows, history=100_000)
        self._stream = pyte.Stream(self.screen)

    def isatty(self) -> bool:
        return True

    def write(self, text: str) -> int:
        if text:
            self.frames.append((asyncio.get_running_loop().time(), text))
            self._stream.feed(text.replace("\n", "\r\n"))
        return len(text)

    @property
    def written(self) -> int:
        return sum(len(text.encode()) for _, text in self.frames)

    @property
    def most_in_a_second(self) -> int:
        """The most writes that any second saw."""
        times = [at for at, _ in self.frames]
        return max((sum(at <= other < at + 1 for other in times) for at in times), default=0)

    @property
    def lines(self) -> list[str]:
        """Scrollback and screen."""
        above = ["".join(row[place].data for place in range(self.columns)) for row in self.screen.history.top]
        return "\n".join(line.rstrip() for line in [*above, *self.screen.display]).rstrip().split("\n")


class Front:
    """Screen and prompt as the chat puts them together."""

    def __init__(self, sink: Sink, screen: LiveScreen, prompt: Prompt, keys: PipeInput) -> None:
        self.sink, self.screen, self.prompt, self.keys = sink, screen, prompt, keys

    async def stream(self, chunks: list[str], pause: float) -> None:
        """Show an answer, one chunk after another."""
        for chunk in chunks:
            self.screen.text(chunk)
            await asyncio.sleep(pause)
        self.screen.end_line()
        await asyncio.sleep(1)


class Nothing:
    """A conversation in which nothing happens."""

    running = undoable = waiting = editing = False

    def enter(self, text: str, shown: str) -> None: ...
    def steer(self, text: str, shown: str) -> None: ...
    def stop(self) -> bool:
        return False

    def hint(self) -> None: ...
    def leave(self) -> None: ...
    def take_back(self) -> str | None:
        return None

    def step(self, text: str, shown: str, by: int) -> str | None:
        return None

    def let_go(self) -> None: ...
    def edit(self) -> None: ...

    def undo(self) -> None: ...
    def rewind(self) -> None: ...


@asynccontextmanager
async def front(
    columns: int = 80, rows: int = 24, actions: Actions | None = None, history: PromptHistory | None = None
) -> AsyncIterator[Front]:
    """Stand a prompt at the bottom of a terminal in memory."""
    sink = Sink(columns, rows)
    with create_pipe_input() as keys, pytest.MonkeyPatch.context() as patch:
        patch.setenv("COLUMNS", str(columns))
        patch.setenv("LINES", str(rows))
        patch.setenv("TERM", "xterm-256color")
        patch.setattr("sys.stdout", sink)
        output = SteadyOutput(sink, lambda: Size(rows, columns), term="xterm-256color")
        patch.setattr(lra.chat.prompt, "create_input", lambda: keys)
        patch.setattr(lra.chat.prompt, "output_for_prompt", lambda: output)
        pending = Pending()
        screen = LiveScreen(pending=pending, on_gone=lambda: None)
        screen.theme = Theme("dark", 8)
        clock = asyncio.get_running_loop().time
        screen.live._clock = clock
        # The renderer keeps its distance between two repaints by the wall's clock.
        patch.setattr(prompt_toolkit.application.application, "time", SimpleNamespace(time=clock))
        prompt = Prompt(
            history=history or InMemoryHistory(),  # type: ignore[arg-type]
            completer=DummyCompleter(),  # type: ignore[arg-type]
            keyboard=Keyboard(-1),
            pending=pending,
            actions=actions or Nothing(),
            on_shown=lambda: None,
            on_gone=lambda _error: None,
        )
        prompt.area.status = lambda width: screen.styled("a-model · a title", "status")
        prompt.area.styled = screen.styled
        screen.attach(prompt)
        prompt.stand()
        await asyncio.sleep(1)
        sink.frames.clear()
        yield Front(sink, screen, prompt, keys)
        await prompt.close()


def at_once(text: str, columns: int) -> str:
    """Return an answer as it is rendered when all of it is there."""
    stream = AnswerStream(columns, Theme("dark", 8))
    return stream.feed(text) + stream.close()


def printed(text: str, columns: int, below: str = "") -> list[str]:
    """Return the lines of a terminal to which an answer was printed at once, and something below it."""
    screen = pyte.HistoryScreen(columns, 24, history=100_000)
    pyte.Stream(screen).feed((at_once(text, columns) + below).replace("\n", "\r\n"))
    above = ["".join(row[place].data for place in range(columns)) for row in screen.history.top]
    return "\n".join(line.rstrip() for line in [*above, *screen.display]).rstrip().split("\n")
