"""One turn in the terminal: send, show, and stop when asked."""

from __future__ import annotations

import asyncio
from contextlib import AbstractContextManager, nullcontext, suppress
from typing import TYPE_CHECKING, Any

from lra.chat.render import Busy, Ended, TurnRenderer, call_text
from lra.errors import BusyError, LraError
from lra.events import MemoryWritten, TurnFinished, TurnStarted
from lra.store.inbox import Inbox

if TYPE_CHECKING:
    from lra.chat.app import Chat
    from lra.session import Session


class TurnFront:
    """Runs turns and shows them.

    Args:
        chat: Whose screen and reader to use.
    """

    def __init__(self, chat: Chat) -> None:
        self._chat = chat
        self._may_write = asyncio.Event()
        self._may_write.set()
        self._asking = asyncio.Lock()
        self._allowed: set[str] = set()
        self._inbox = Inbox(chat.settings.home)
        self.results: list[Ended] = []
        """What tools returned, in order, for `/expand`."""
        self.written: str | None = None
        """Id of the memory that was written last, until the next message."""
        self.taken = 0
        """Turns that have begun in the present session."""

    async def message(self, text: str) -> None:
        """Send a message as soon as there is a session; it is on disk before that."""
        chat = self._chat
        inbox_id = None
        if chat.session is None:
            with suppress(OSError):
                inbox_id = self._inbox.put(text)
        before, recaps = self.taken, chat.current.recaps
        try:
            session = await chat.ready()
            if chat.current.recaps != recaps:
                # An earlier exchange stands between the line and its answer now.
                chat.screen.line("> " + text.replace("\n", "\n  "))
            finished = await self._run(session, text, inbox_id)
            if chat.scripted and finished is not None and finished.exit_code:
                chat.exit_code = finished.exit_code
        except (LraError, asyncio.CancelledError) as error:
            # A session that is busy keeps the message itself; what will never be sent waits in the inbox.
            gone = isinstance(error, BusyError) or chat.current.hopeless or chat.leaving
            if not gone and self.taken == before:
                if inbox_id is not None:
                    self._inbox.remove(inbox_id)
                chat.draft = text
            raise
        finally:
            if not chat.scripted:
                chat.screen.line()

    def _began(self, inbox_id: str | None) -> None:
        self.taken += 1
        if inbox_id is not None:
            self._inbox.remove(inbox_id)

    async def _run(self, session: Session, text: str, inbox_id: str | None) -> TurnFinished | None:
        """Run one turn to its end; returns how it ended."""
        chat = self._chat
        task = asyncio.current_task()
        asked_to_stop = False

        def stop() -> None:
            nonlocal asked_to_stop
            if asked_to_stop and task is not None:
                task.cancel()
            asked_to_stop = True
            session.cancel()
            chat.screen.busy(Busy("stopping", hint="Ctrl-C again leaves the turn at once"))

        renderer = TurnRenderer(lambda: chat.screen.columns)
        finished = None
        chat.screen.busy(Busy("thinking"))
        try:
            with chat.interrupts.to(stop), self._suspendable():
                async for event in session.send(text, inbox_id=inbox_id):
                    if isinstance(event, TurnStarted):
                        self._began(inbox_id)
                    elif isinstance(event, MemoryWritten) and event.action == "forgotten":
                        chat.forget_typed(event.content)
                    elif isinstance(event, TurnFinished):
                        finished = event
                    await self._may_write.wait()
                    for piece in renderer.feed(event):
                        if isinstance(piece, Ended):
                            self.results.append(piece)
                        chat.screen.show(piece)
        finally:
            chat.screen.end_line()
        return finished

    def _suspendable(self) -> AbstractContextManager[None]:
        # Where a prompt stands, Ctrl-Z is a key of its own.
        return self._chat.keyboard.suspendable() if self._chat.screen.plain else nullcontext()

    async def undo_written(self) -> None:
        """Take back the memory that was written last."""

    async def approve(self, name: str, args: dict[str, Any], reason: str) -> bool | str:
        """Ask whether a tool may run; another word than yes or no goes to the model as the reason."""
        chat = self._chat
        async with self._asking:
            if name in self._allowed:
                return True
            self._may_write.clear()
            try:
                chat.screen.end_line()
                chat.screen.line(f"? {call_text(name, args)}", "warning")
                if reason:
                    chat.screen.line(f"  {reason}", "dim")
                answer = await chat.reader.ask("Allow it? [y]es, [a]lways in this chat, [N]o, or why not: ", fresh=True)
            except KeyboardInterrupt:
                chat.interrupts.fire()
                return False
            finally:
                self._may_write.set()
            word = answer.lower()
            if word in {"a", "always"}:
                self._allowed.add(name)
            return word in {"y", "yes", "a", "always"} or (answer if word not in {"", "n", "no"} else False)
