"""The conversation at the terminal: read a line, run a turn or a command, until the person leaves."""

from __future__ import annotations

import asyncio
import os
import sys
from collections.abc import Coroutine
from contextlib import suppress
from io import TextIOWrapper
from typing import TYPE_CHECKING, Any

from lra import __version__
from lra.chat.commands.registry import message_in, registry, split, unknown
from lra.chat.current import Current
from lra.chat.interrupts import Interrupts
from lra.chat.keyboard import Keyboard
from lra.chat.leaving import leave
from lra.chat.live_screen import LiveScreen
from lra.chat.modes import release_terminal
from lra.chat.notify import call_for
from lra.chat.opening import settings_for
from lra.chat.options import ChatOptions
from lra.chat.plain import PlainReader
from lra.chat.preferences import Preferences
from lra.chat.queue import Message, Pending
from lra.chat.reader import Reader, Reopened
from lra.chat.render import Busy
from lra.chat.screen import Screen, check_taken, silence, wants_plain
from lra.chat.status import Status, look
from lra.chat.theme import choose
from lra.chat.turns import TurnFront
from lra.chat.wording import sentence_of
from lra.errors import ExitCode, LraError, UsageError

if TYPE_CHECKING:
    from lra.session import Session

_TICK = 0.15


def run_chat(options: ChatOptions) -> int:
    """Hold a conversation; returns the exit code.

    Raises:
        LraError: The session cannot be opened.
    """
    if sys.stdin is None or sys.stdin.closed:
        raise UsageError("There is no standard input to talk through.", hint='Use `lra chat -p "TEXT"`.')
    if isinstance(sys.stdin, TextIOWrapper) and sys.stdin.encoding.lower() in {"ascii", "us-ascii", "ansi_x3.4-1968"}:
        # What a terminal sends under such a locale is UTF-8 all the same, or ASCII, which is that too.
        sys.stdin.reconfigure(encoding="utf-8", errors="replace")
    keyboard = Keyboard(sys.stdin.fileno(), by_line=wants_plain(options.plain, sys.stdout))
    # Before anything else, so that what is typed ahead of the prompt is not shown twice.
    keyboard.hush()
    try:
        return asyncio.run(_chat(options, keyboard))
    finally:
        if not keyboard.by_line:
            release_terminal()
        keyboard.restore()


async def _chat(options: ChatOptions, keyboard: Keyboard) -> int:
    return await Chat(options, keyboard).run()


class Chat:
    """One run of the interactive front; slash commands work through it.

    Args:
        options: What was asked for on the command line.
        keyboard: The terminal between prompts.
    """

    def __init__(self, options: ChatOptions, keyboard: Keyboard) -> None:
        self.options = options
        self.keyboard = keyboard
        self.settings = settings_for(options)
        self.leaving = False
        self.hurried = False
        """Leave without anything that could be left out."""
        self.draft = ""
        """What the next prompt begins with."""
        self.exit_code = int(ExitCode.OK)
        self.scripted = not sys.stdin.isatty()
        """Whether lines come from a pipe or a file, where nobody can be asked."""
        self.interrupts = Interrupts(self._terminate)
        self.preferences = Preferences(self.settings.home)
        self.pending = Pending(self._queue_changed)
        self.status = Status(loading="loading")
        self.screen = self._screen()
        self.turns = TurnFront(self)
        self.current = Current(self)
        self.reader = self._reader()
        self.reading = False
        """Whether nothing is going on, so that the next message would start at once."""
        self._work: asyncio.Task[None] | None = None
        self._commanding = False
        self._beside: set[asyncio.Task[None]] = set()
        self._one_after_another = asyncio.Lock()
        self.asking = asyncio.Lock()
        """Held by whoever asks the person something, from what is shown of it to the answer."""

    def _screen(self) -> Screen:
        if self.scripted or wants_plain(self.options.plain, sys.stdout):
            side = sys.stdout if sys.stdout.isatty() and not self.scripted else sys.stderr
            return Screen(plain=True, side=side, on_gone=self.gone)
        screen = LiveScreen(pending=self.pending, on_gone=self.gone)
        screen.theme = choose(self.preferences.theme, os.environ)
        return screen

    def _reader(self) -> Reader:
        if not isinstance(self.screen, LiveScreen):
            return PlainReader(
                fd=sys.stdin.fileno(),
                screen=self.screen,
                keyboard=None if self.scripted else self.keyboard,
                on_shown=self.current.opening.begin,
            )
        from lra.chat.standing import standing_prompt

        return standing_prompt(self, self.screen)

    @property
    def working(self) -> bool:
        """Whether a message or a command is being worked on, or the end is."""
        return self._work is not None or self.leaving

    @property
    def answering(self) -> bool:
        """Whether what is worked on is a message, beside which commands may run, or the end."""
        return self.working and not self._commanding

    @property
    def session(self) -> Session | None:
        """The open session; None until it is loaded."""
        return self.current.session

    @property
    def model_name(self) -> str:
        """The model that answers; empty until the session is open."""
        return self.session.model_name if self.session else ""

    async def run(self) -> int:
        """Talk until the person leaves; returns the exit code.

        Raises:
            LraError: The session cannot be opened, or nothing can be written.
        """
        ticker = asyncio.create_task(self._tick())
        with self.interrupts.installed():
            try:
                if self.scripted:
                    self.current.opening.begin()
                    await self._guarded(self._start())
                else:
                    self._greet()
                    if self.screen.plain:
                        # What there is to say of the session would stand below a prompt's mark, and another follow.
                        await self.current.opening.soon()
                while not self.leaving:
                    await self._step()
            finally:
                try:
                    await leave(self)
                finally:
                    ticker.cancel()
                    await self.reader.close()
        check_taken(self.screen)
        return self.exit_code

    def _greet(self) -> None:
        if not (self.settings.home / "history").exists():
            self.screen.line("Welcome to lra: a chat that remembers, across conversations and folders.", "title")
        self.screen.line(f"lra {__version__} · /help shows what it can do · Ctrl-D leaves", "dim")

    async def _tick(self) -> None:
        while True:
            await asyncio.sleep(_TICK)
            self.screen.tick()

    async def _step(self) -> None:
        if self.current.unclaimed:
            await self._guarded(self._start())
            return
        self.reading = True
        try:
            with self.interrupts.to(self.reader.give_up):
                message = await self._next()
        except (EOFError, OSError):
            self.leaving = True
        except KeyboardInterrupt as given_up:
            if not given_up.args:
                self.screen.line("Ctrl-D or /exit leaves.", "dim")
        except Reopened as reopened:
            self.draft = reopened.text
        else:
            self.reading = False
            # Beside an earlier exchange that is yet to come, a message is shown below it.
            later = self.current.recap_comes and split(message.text) is None
            if not later:
                self.screen.echo(message.brief)
            await self._take(message, message.brief if later else "")
        finally:
            self.reading = False

    async def _next(self) -> Message:
        if self.screen.plain and self.pending.ready:
            # Where no prompt takes what waits: what was given as an answer, and turned out to be a message.
            return await self.pending.next()
        draft, self.draft = self.draft, ""
        return await self.reader.next(draft)

    async def _start(self) -> None:
        await self.ready()

    async def _take(self, message: Message, unseen: str = "") -> None:
        text = message.text
        if not text.strip():
            return
        if text.strip() == "u" and self.turns.written and not self.scripted:
            await self._guarded(self.turns.undo_written())
        elif (call := split(text)) is None:
            await self._guarded(self.turns.message(message_in(text), unseen=unseen))
        elif command := registry.get(call[0]):
            self._commanding = True
            try:
                await self._guarded(self.in_order(command.handler(self, call[1])))
            finally:
                self._commanding = False
        else:
            self.screen.line(unknown(call[0]), "warning")

    async def in_order(self, work: Coroutine[Any, Any, None]) -> None:
        """Run a command when those before it are done: what it says and changes comes as it was typed."""
        try:
            async with self._one_after_another:
                await work
        finally:
            work.close()

    async def _guarded(self, work: Coroutine[Any, Any, None]) -> None:
        """Run work that Ctrl-C may end, and turn its errors into sentences."""
        task = self._work = asyncio.ensure_future(work)
        self.screen.busy(Busy("working"))
        try:
            with self.interrupts.to(task.cancel):
                await asyncio.wait([task])
        finally:
            self._work = None
            self.screen.calm()
            if not self.screen.plain:
                self.beside(self.look())
        if task.cancelled():
            self.screen.line("Stopped.", "warning")
            return
        error = task.exception()
        if error is None:
            return
        if not isinstance(error, Exception) or self.current.hopeless:
            raise error
        # What waits was written for another outcome.
        self.pending.hold()
        self.say(error)

    def set_theme(self, name: str) -> None:
        """Show everything from now on in the colours of a theme, also the next time."""
        if not self.screen.plain:
            self.screen.theme = choose(name, os.environ)
            self.screen.repaint()
        self.preferences.keep(theme=name)

    def set_background(self, light: bool) -> None:
        """Take note of the terminal's background, where the person has chosen no theme."""
        if self.preferences.theme is None:
            self.screen.theme = choose("light" if light else "dark", os.environ)
            self.screen.repaint()

    def set_keys(self, mode: str) -> None:
        """Edit lines with `vi` or `emacs` keys from now on, also the next time."""
        self.reader.set_keys(mode)
        self.preferences.keep(keys=mode)

    def call_for(self, text: str) -> None:
        """Call a person who may be looking elsewhere."""
        if isinstance(self.screen, LiveScreen) and not self.reader.watched:
            self.screen.raw(call_for(text))

    def beside(self, work: Coroutine[Any, Any, None]) -> None:
        """Run work that does not keep the conversation from going on; its errors become sentences."""

        async def guarded() -> None:
            try:
                await work
            except Exception as error:
                self.say(error)
            if self.leaving:
                self.depart()

        task = asyncio.create_task(guarded())
        self._beside.add(task)
        task.add_done_callback(self._beside.discard)

    async def look(self) -> None:
        """Bring the status line up to date."""
        if self.session is not None and not self.leaving and not self.screen.plain:
            with suppress(LraError):
                await look(self.status, self.session, memory=self.options.memory)
            self.screen.repaint()

    def _queue_changed(self) -> None:
        self.screen.repaint()

    def say(self, error: Exception) -> None:
        """Show an error as one sentence."""
        self.screen.line(sentence_of(error), "error")
        if self.scripted:
            self.exit_code = int(error.exit_code) if isinstance(error, LraError) else int(ExitCode.FAILED)

    async def ready(self, *, waiting: str = "") -> Session:
        """Return the session, waiting for it when it is not open yet.

        Args:
            waiting: The message that waits for it, where it is not shown yet.

        Raises:
            LraError: It cannot be opened.
        """
        return await self.current.ready(waiting=waiting)

    async def ask(self, question: str) -> str:
        """Ask for one short answer; empty for none."""
        async with self.asking:
            if self.screen.plain:
                # Elsewhere an answer that is being written goes on above the question.
                self.screen.end_line()
            # Nothing goes on while a person thinks.
            self.screen.busy(None)
            try:
                answer = await self.reader.ask(question)
            except KeyboardInterrupt:
                answer = ""
            if self._work is not None:
                self.screen.busy(Busy("working"))
            self.screen.answered(question, answer)
            return answer

    def echo(self, text: str) -> None:
        """Show a message that does not wait for its turn as it was entered."""
        self.screen.echo(text)

    def offer(self, text: str) -> None:
        """Put what the person has just written into the prompt, or what the next one begins with."""
        offer = getattr(self.reader, "offer", None)
        if offer is not None:
            offer(text, written=True)
        else:
            self.draft = text

    def forget_typed(self, text: str) -> None:
        """Take a forgotten text out of the prompt's history."""
        from lra.chat.history import forget_in_file

        forget = getattr(self.reader, "forget", None)
        if forget is not None:
            forget(text)
        else:
            forget_in_file(self.settings.home / "history", text)

    def gone(self) -> None:
        """Leave, since nobody is there any more to write for."""
        silence(sys.stdout)
        self._terminate()

    def _terminate(self) -> None:
        """Leave as soon as everything is kept: the terminal is gone, or the process was asked to end."""
        self.leaving = self.hurried = True
        self.exit_code = int(ExitCode.INTERRUPTED)
        for task in self._beside:
            # An editor or a list would hold the terminal on.
            task.cancel()
        if self.session is not None and self.session.running:
            self.session.cancel()
        elif self._work is not None:
            self._work.cancel()
        self.reader.leave()

    def depart(self) -> None:
        """Leave now, stopping what runs; everything so far is kept."""
        self.leaving = True
        if self.session is not None and self.session.running:
            self.session.cancel()
        elif self._work is not None:
            self._work.cancel()
        self.reader.leave()
