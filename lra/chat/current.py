"""The session of the moment: opened behind the prompt, introduced, exchanged for another."""

from __future__ import annotations

import asyncio
from typing import TYPE_CHECKING

from lra.chat.leaving import close_session
from lra.chat.opening import Opening
from lra.chat.recap import recap
from lra.chat.render import Busy
from lra.errors import BusyError
from lra.text import one_line

if TYPE_CHECKING:
    from lra.chat.app import Chat
    from lra.session import Session


class Current:
    """Which session the chat is in.

    Args:
        chat: Where to show and ask.
    """

    def __init__(self, chat: Chat) -> None:
        self._chat = chat
        self._introduction: asyncio.Task[None] | None = None
        self._claim = asyncio.Lock()
        self.session: Session | None = None
        self.recaps = 0
        """How often an earlier exchange has been shown."""
        approver = None if chat.scripted else chat.turns.approve
        self.opening = Opening(chat.options, chat.settings, approver, self._opened, self._loading)

    @property
    def hopeless(self) -> bool:
        """Whether there is no session and will be none."""
        return self.session is None and self.opening.failed

    @property
    def unclaimed(self) -> bool:
        """Whether the opening has ended and nobody has looked at how."""
        return self.session is None and self.opening.done

    @property
    def recap_comes(self) -> bool:
        """Whether an earlier exchange is yet to be shown, above a prompt that stands."""
        return self.session is None and self.opening.continues and not self._chat.screen.plain

    async def ready(self, *, waiting: str = "") -> Session:
        """Return the session, waiting for it when it is not open yet.

        Args:
            waiting: The message that waits for it, where it is not shown yet.

        Raises:
            LraError: It cannot be opened.
        """
        # One after another: what there is to ask and to say about the session comes once, and before its first turn.
        async with self._claim:
            if self.session is None:
                if not self._chat.reading:
                    self._chat.screen.busy(Busy(f"starting, then: {one_line(waiting, 200)}" if waiting else "starting"))
                try:
                    session = await self.opening.session()
                except BusyError as error:
                    session = await self._instead(error)
                self.session = session
                await self._introduce(session)
                await self._chat.look()
                if not self._chat.screen.plain:
                    self._chat.beside(_warm())
        return self.session

    def _loading(self, what: str) -> None:
        self._chat.status.loading = f"loading {what}"
        self._chat.screen.repaint()

    def _opened(self) -> None:
        """Say what there is to say when the session opens behind a waiting prompt."""
        if not self._chat.reading or self.session is not None:
            return
        if self.opening.failed:
            self._chat.reader.reopen()
        else:
            self._introduction = asyncio.create_task(self._arrive())

    async def _arrive(self) -> None:
        try:
            await self.ready()
        except Exception as error:
            self._chat.say(error)

    async def _introduce(self, session: Session) -> None:
        chat = self._chat
        lines = [] if chat.scripted else await recap(session, chat.screen)

        def show() -> None:
            for notice in session.notices:
                chat.screen.line(f"· {notice}", "dim")
            for line in lines:
                chat.screen.line(line, "dim")

        if session.notices or lines:
            await chat.reader.above(show)
        self.recaps += bool(lines)

    async def _instead(self, error: BusyError) -> Session:
        """Ask what to open when another process has the wanted session.

        Raises:
            BusyError: Nobody can be asked, or the answer was nothing.
        """
        from lra.session import SessionBusyError

        chat = self._chat
        if chat.scripted or not isinstance(error, SessionBusyError):
            raise error
        chat.screen.line(error.message, "warning")
        while answer := (await chat.ask("Open a [f]ork of it, open it to [r]ead only, or start a [n]ew one? ")).lower():
            if answer in {"f", "fork"}:
                return await self.opening.another(resume=error.session_id, fork=True)
            if answer in {"r", "read"}:
                return await self.opening.another(resume=error.session_id, read_only=True)
            if answer in {"n", "new"}:
                return await self.opening.another()
        raise error

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
        self._chat.turns.taken = 0
        if before is not None:
            await close_session(self._chat, before)
        await self._introduce(session)


async def _warm() -> None:
    """Load what renders the first answer while the person thinks."""

    def load() -> None:
        from lra.chat.markdown import preload

        preload()

    await asyncio.to_thread(load)
