"""What the keys of the standing prompt cause in the conversation."""

from __future__ import annotations

from typing import TYPE_CHECKING, Literal

from lra.chat.commands.registry import Command, is_command, message_in, registry, split, unknown
from lra.chat.queue import Message, Pending
from lra.chat.table import counted

if TYPE_CHECKING:
    from lra.chat.app import Chat


class LiveActions:
    """Keys in terms of the conversation.

    Args:
        chat: The conversation.
        pending: Messages that wait.
    """

    def __init__(self, chat: Chat, pending: Pending) -> None:
        self._chat = chat
        self._pending = pending
        self.parting = False
        """Whether the person has asked to leave when what runs is done."""

    @property
    def running(self) -> bool:
        """Whether something runs that Ctrl-C ends."""
        return self._chat.working

    @property
    def waiting(self) -> bool:
        """Whether a message waits that can be taken back."""
        return self._pending.count > 0

    @property
    def editing(self) -> bool:
        """Whether a message was taken back, which can wait again in its place."""
        return self._pending.editing

    @property
    def undoable(self) -> bool:
        """Whether `u` takes something back."""
        return bool(self._chat.turns.written)

    def enter(self, text: str, shown: str) -> None:
        """Take a line: what may run beside a turn runs, the rest waits, also for a command before it."""
        if not text.strip():
            self._pending.release()
            return
        call = split(text)
        command = registry.get(call[0]) if call else None
        if call is not None and command is not None and command.during_turn and self._chat.answering:
            self._chat.echo(shown)
            self._chat.beside(self._beside(command, call[1]))
        elif call is not None and command is None and self._chat.working:
            self._chat.echo(shown)
            self._chat.screen.line(unknown(call[0]), "warning")
        else:
            self._pending.put(Message(text, shown))

    async def _beside(self, command: Command, args: str) -> None:
        """Run a command beside a turn, and show below what it changed."""
        try:
            await self._chat.in_order(command.handler(self._chat, args))
        finally:
            await self._chat.look()

    def steer(self, text: str, shown: str) -> None:
        """Give a text to the running turn; where that cannot be, it waits like any other, and a command is one."""
        if is_command(text):
            self.enter(text, shown)
            return
        self._chat.beside(self._steer(Message(text, shown)))

    async def _steer(self, message: Message) -> None:
        session = self._chat.session
        text = message_in(message.text)
        if session is None or not await session.steer(text):
            self._pending.put(message)
            return
        self._chat.turns.steers(Message(text, message.brief))

    def stop(self) -> bool:
        """Stop what runs, else drop what waits; False when there was neither."""
        if self._chat.working:
            self._chat.interrupts.fire()
            self._pending.hold()
            return True
        if dropped := self._pending.clear():
            them = "it" if len(dropped) == 1 else "them"
            self._chat.screen.line(f"Dropped {counted(len(dropped), 'queued message')}; Up brings {them} back.", "dim")
            return True
        return False

    def hint(self) -> None:
        """Say how to leave."""
        self._chat.screen.line("Ctrl-D or /exit leaves.", "dim")

    def leave(self) -> None:
        """Leave; while something runs, after it, or at once when asked twice."""
        if not self._chat.working or self.parting:
            self._chat.depart()
            return
        self.parting = True
        self._pending.end(EOFError())
        self._chat.screen.line("Leaving when this is done; Ctrl-D again leaves now.", "dim")

    def take_back(self) -> str | None:
        """Return the last message that waits, which then waits no longer."""
        message = self._pending.take_back()
        return message.brief if message else None

    def step(self, text: str, shown: str, by: Literal[-1, 1]) -> str | None:
        """Let a message that was taken back wait again, and return its neighbour instead; empty behind the last."""
        had = self._pending.count
        other = self._pending.step(Message(text, shown), by)
        if other is None:
            return "" if self._pending.count > had else None
        return other.brief

    def let_go(self) -> None:
        """Take note that a message that was taken back was given up."""
        self._pending.let_go()

    def edit(self) -> None:
        """Open what is being written in the external editor."""
        from lra.chat.commands.editing import edit_draft

        self._chat.beside(edit_draft(self._chat))

    def undo(self) -> None:
        """Take back what was remembered last."""
        self._chat.beside(self._chat.turns.undo_written())

    def rewind(self) -> None:
        """Offer to undo a turn."""
        self._pending.put(Message("/rewind"))
