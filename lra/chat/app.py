"""The conversation at the terminal: read a line, run a turn or a command, until the person leaves."""

from __future__ import annotations

import asyncio
import sys
from collections.abc import Coroutine
from contextlib import suppress
from typing import TYPE_CHECKING, Any

from lra import __version__
from lra.chat.commands import registry
from lra.chat.commands.registry import split
from lra.chat.interrupts import Interrupts
from lra.chat.keyboard import Keyboard
from lra.chat.leaving import close_session, leave
from lra.chat.opening import Opening, settings_for
from lra.chat.options import ChatOptions
from lra.chat.plain import PlainReader
from lra.chat.reader import Reader, Reopened
from lra.chat.recap import recap
from lra.chat.render import Busy
from lra.chat.screen import Screen, silence, wants_plain
from lra.chat.turns import TurnFront
from lra.errors import BusyError, ExitCode, LraError, UsageError
from lra.store.inbox import Inbox

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
    keyboard = Keyboard(sys.stdin.fileno(), by_line=wants_plain(options.plain, sys.stdout))
    # Before anything else, so that what is typed ahead of the prompt is not shown twice.
    keyboard.hush()
    try:
        return asyncio.run(_chat(options, keyboard))
    finally:
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
        self.session: Session | None = None
        self.leaving = False
        self.hurried = False
        """Leave without anything that could be left out."""
        self.draft = ""
        """What the next prompt begins with."""
        self.exit_code = int(ExitCode.OK)
        self.turns_taken = 0
        self.scripted = not sys.stdin.isatty()
        """Whether lines come from a pipe or a file, where nobody can be asked."""
        self.interrupts = Interrupts(self._terminate)
        self.screen = Screen(
            plain=self.scripted or wants_plain(options.plain, sys.stdout),
            side=sys.stdout if sys.stdout.isatty() and not self.scripted else sys.stderr,
            on_gone=self._gone,
        )
        self.inbox = Inbox(self.settings.home)
        self.turns = TurnFront(self)
        self.opening = Opening(options, self.settings, None if self.scripted else self.turns.approve, self._opened)
        self.reader = self._reader()
        self._reading = False
        self._current: asyncio.Task[None] | None = None
        self._introduction: asyncio.Task[None] | None = None

    def _reader(self) -> Reader:
        if self.screen.plain:
            return PlainReader(
                fd=sys.stdin.fileno(),
                screen=self.screen,
                keyboard=None if self.scripted else self.keyboard,
                on_shown=self.opening.begin,
            )
        from lra.chat.prompt import Prompt

        return Prompt(
            history=self.settings.home / "history",
            registry=registry,
            keyboard=self.keyboard,
            on_shown=self.opening.begin,
        )

    @property
    def model_name(self) -> str:
        """The model that answers; empty until the session is open."""
        return self.session.model_name if self.session else ""

    async def run(self) -> int:
        """Talk until the person leaves; returns the exit code.

        Raises:
            LraError: The session cannot be opened.
        """
        ticker = asyncio.create_task(self._tick())
        with self.interrupts.installed():
            try:
                if self.scripted:
                    self.opening.begin()
                    await self._guarded(self._start())
                else:
                    self._greet()
                while not self.leaving:
                    await self._step()
            finally:
                await leave(self)
                ticker.cancel()
        return self.exit_code

    def _greet(self) -> None:
        if not (self.settings.home / "history").exists():
            self.screen.line("Welcome to lra: a chat that remembers, across conversations and folders.", "title")
        self.screen.line(f"lra {__version__} · /help shows what it can do · Ctrl-D leaves", "dim")

    async def _tick(self) -> None:
        while True:
            await asyncio.sleep(_TICK)
            if not self._reading:
                self.screen.tick()

    async def _step(self) -> None:
        if self.session is None and self.opening.done:
            await self._guarded(self._start())
            return
        draft, self.draft = self.draft, ""
        self._reading = True
        try:
            with self.interrupts.to(self.reader.give_up):
                text = await self.reader.read(draft)
        except (EOFError, OSError):
            self.leaving = True
        except KeyboardInterrupt as given_up:
            if not given_up.args:
                self.screen.line("Ctrl-D or /exit leaves.", "dim")
        except Reopened as reopened:
            self.draft = reopened.text
        else:
            self._reading = False
            await self._take(text)
        finally:
            self._reading = False

    async def _start(self) -> None:
        await self.ready()

    async def _take(self, text: str) -> None:
        if not text.strip():
            return
        if (call := split(text)) is None:
            await self._guarded(self._message(text[1:] if text.startswith("//") else text))
        elif command := registry.get(call[0]):
            await self._guarded(command.handler(self, call[1]))
        else:
            near = registry.nearest(call[0])
            self.screen.line(
                f"There is no command /{call[0]}{f'; did you mean /{near}?' if near else '.'} /help lists them all.",
                "warning",
            )

    async def _guarded(self, work: Coroutine[Any, Any, None]) -> None:
        """Run work that Ctrl-C may end, and turn its errors into sentences."""
        task = self._current = asyncio.ensure_future(work)
        self.screen.busy(Busy("working"))
        try:
            with self.interrupts.to(task.cancel):
                await asyncio.wait([task])
        finally:
            self._current = None
            self.screen.end_line()
        if task.cancelled():
            self.screen.line("Stopped.", "warning")
            return
        error = task.exception()
        if error is None:
            return
        if not isinstance(error, Exception) or self._hopeless:
            raise error
        self._say(error)

    def _say(self, error: Exception) -> None:
        known = isinstance(error, LraError)
        text = str(error) if known else f"Something went wrong: {type(error).__name__}: {error}".rstrip(": ")
        self.screen.line(text, "error")
        if self.scripted:
            self.exit_code = int(error.exit_code) if isinstance(error, LraError) else int(ExitCode.FAILED)

    @property
    def _hopeless(self) -> bool:
        """Whether there is no session and will be none."""
        return self.session is None and self.opening.failed

    async def _message(self, text: str) -> None:
        inbox_id = None
        if self.session is None:
            with suppress(OSError):
                inbox_id = self.inbox.put(text)
        before = self.turns_taken
        try:
            session = await self.ready()
            finished = await self.turns.run(session, text, inbox_id)
            if self.scripted and finished is not None and finished.exit_code:
                self.exit_code = finished.exit_code
        except (LraError, asyncio.CancelledError) as error:
            # A session that is busy keeps the message itself; what will never be sent waits in the inbox.
            if not (isinstance(error, BusyError) or self._hopeless or self.leaving or self.turns_taken > before):
                self._put_back(text, inbox_id)
            raise
        finally:
            if not self.scripted:
                self.screen.line()

    def _put_back(self, text: str, inbox_id: str | None) -> None:
        if inbox_id is not None:
            self.inbox.remove(inbox_id)
        self.draft = text

    def began(self, inbox_id: str | None) -> None:
        """Note that a turn has begun: its message is on disk."""
        self.turns_taken += 1
        if inbox_id is not None:
            self.inbox.remove(inbox_id)

    async def ready(self) -> Session:
        """Return the session, waiting for it when it is not open yet.

        Raises:
            LraError: It cannot be opened.
        """
        introduction = self._introduction
        if introduction is not None and introduction is not asyncio.current_task():
            # What there is to say about the session comes before its first turn.
            await asyncio.wait([introduction])
        if self.session is None:
            if not self._reading:
                self.screen.busy(Busy("starting"))
            try:
                session = await self.opening.session()
            except BusyError as error:
                session = await self._instead(error)
            if self.session is None:
                self.session = session
                await self._introduce(session)
        return self.session

    def _opened(self) -> None:
        """Say what there is to say when the session opens behind a waiting prompt."""
        if not self._reading or self.session is not None:
            return
        if self.opening.failed:
            self.reader.reopen()
        else:
            self._introduction = asyncio.create_task(self._arrive())

    async def _arrive(self) -> None:
        try:
            await self.ready()
        except Exception as error:
            self._say(error)

    async def _introduce(self, session: Session) -> None:
        lines = await recap(session, self.screen)

        def show() -> None:
            for notice in session.notices:
                self.screen.line(f"· {notice}", "dim")
            for line in lines if not self.scripted else []:
                self.screen.line(line, "dim")

        if session.notices or lines:
            await self.reader.above(show)

    async def _instead(self, error: BusyError) -> Session:
        """Ask what to open when another process has the wanted session.

        Raises:
            BusyError: Nobody can be asked, or the answer was nothing.
        """
        from lra.session import SessionBusyError

        if self.scripted or not isinstance(error, SessionBusyError):
            raise error
        self.screen.line(error.message, "warning")
        while answer := (await self.ask("Open a [f]ork of it, open it to [r]ead only, or start a [n]ew one? ")).lower():
            if answer in {"f", "fork"}:
                return await self.opening.another(resume=error.session_id, fork=True)
            if answer in {"r", "read"}:
                return await self.opening.another(resume=error.session_id, read_only=True)
            if answer in {"n", "new"}:
                return await self.opening.another()
        raise error

    async def ask(self, question: str) -> str:
        """Ask for one short answer; empty for none."""
        self.screen.end_line()
        try:
            return await self.reader.ask(question)
        except KeyboardInterrupt:
            return ""

    async def switch(self, *, resume: str | None = None) -> None:
        """Go to an earlier conversation, or to a new one.

        Raises:
            LraError: It cannot be opened; the present one stays.
        """
        model = (await self.ready()).model_name
        try:
            session = await self.opening.another(resume=resume, model=model)
        except BusyError as error:
            session = await self._instead(error)
        await self.adopt(session)

    async def adopt(self, session: Session) -> None:
        """Go on in another session and close the present one."""
        before, self.session = self.session, session
        self.turns_taken = 0
        if before is not None:
            await close_session(self, before)
        await self._introduce(session)

    def forget_typed(self, text: str) -> None:
        """Take a forgotten text out of the prompt's history."""
        from lra.chat.history import PromptHistory, forget_in_file

        history = getattr(self.reader, "history", None)
        if isinstance(history, PromptHistory):
            history.forget(text)
        else:
            forget_in_file(self.settings.home / "history", text)

    def _gone(self) -> None:
        silence(sys.stdout)
        self._terminate()

    def _terminate(self) -> None:
        """Leave as soon as everything is kept: the terminal is gone, or the process was asked to end."""
        self.leaving = self.hurried = True
        self.exit_code = int(ExitCode.INTERRUPTED)
        if self.session is not None and self.session.running:
            self.session.cancel()
        elif self._current is not None:
            self._current.cancel()
        self.reader.leave()
