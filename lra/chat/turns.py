"""One turn in the terminal: send, show, and stop when asked."""

from __future__ import annotations

import asyncio
import json
import time
from contextlib import AbstractContextManager, aclosing, nullcontext, suppress
from pathlib import Path
from typing import TYPE_CHECKING, Any

from lra.chat.agreeing import comes_first
from lra.chat.approval import Request, answer_line, arguments_from, rule_lines, verdict
from lra.chat.commands.registry import line_for, registry, split, unknown
from lra.chat.notify import LONG
from lra.chat.queue import Message
from lra.chat.render import Busy, TurnRenderer, open_tasks
from lra.chat.width import clip
from lra.chat.wording import in_chat
from lra.errors import BusyError, LraError
from lra.events import (
    ApprovalRequested,
    ApprovalResolved,
    Event,
    MemoryWritten,
    Recalled,
    RecalledMemory,
    Steered,
    TaskChanged,
    TurnFinished,
    TurnStarted,
)
from lra.store.inbox import Inbox
from lra.text import file_size

if TYPE_CHECKING:
    from lra.chat.app import Chat
    from lra.session import Session
    from lra.session.attachments import Attachment
    from lra.tools.consent import Answer, Edited


_CATCH_UP = 1.0
"""Seconds a question waits for what is still to be shown."""


class TurnFront:
    """Runs turns and shows them.

    Args:
        chat: Whose screen and reader to use.
    """

    def __init__(self, chat: Chat) -> None:
        self._chat = chat
        self._may_write = asyncio.Event()
        self._may_write.set()
        self._questions: dict[str, asyncio.Event] = {}
        self._answered: set[str] = set()
        """Calls that were asked about here."""
        self._inbox = Inbox(chat.settings.home)
        self.recalled: list[RecalledMemory] = []
        """What was recalled for the last answer, for `/why`."""
        self.written: list[MemoryWritten] = []
        """What was remembered since the last message, for `u`."""
        self._steers: list[Message] = []
        self.taken = 0
        """Turns that have begun in the present session."""

    async def message(self, text: str, *, unseen: str = "") -> None:
        """Send a message as soon as there is a session; it is on disk before that.

        Args:
            text: The message.
            unseen: How it stood in the prompt, where it is yet to be shown.
        """
        chat = self._chat
        inbox_id = None
        if chat.session is None:
            with suppress(OSError):
                inbox_id = self._inbox.put(text)
        before, recaps = self.taken, chat.current.recaps
        try:
            session = await chat.ready(waiting=unseen)
            if unseen:
                chat.screen.echo(unseen)
            elif chat.current.recaps != recaps:
                # An earlier exchange stands between the line and its answer now.
                chat.screen.line("> " + text.replace("\n", "\n  "))
            finished = await self._run(session, text, inbox_id)
            if finished is not None and finished.outcome not in {"completed", "interrupted"}:
                # What waits was written for another outcome.
                chat.pending.hold()
            if chat.scripted and finished is not None and finished.exit_code:
                chat.exit_code = finished.exit_code
        except (LraError, asyncio.CancelledError) as error:
            # A session that is busy keeps the message itself; what will never be sent waits in the inbox.
            gone = isinstance(error, BusyError) or chat.current.hopeless or chat.leaving
            if not gone and self.taken == before:
                if inbox_id is not None:
                    self._inbox.remove(inbox_id)
                chat.draft = line_for(text)
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

        renderer = TurnRenderer(lambda: chat.screen.columns, undo_key=not chat.scripted)
        finished = None
        began = time.monotonic()
        self.written, self.recalled = [], []
        self._questions.clear()
        self._answered.clear()
        chat.screen.busy(Busy("thinking"))
        try:
            attachments = await self._attachments(session, text)
            # Whatever ends the showing ends the turn, before the next can begin.
            async with aclosing(session.send(text, attachments=attachments, inbox_id=inbox_id)) as events:
                with chat.interrupts.to(stop), self._suspendable():
                    async for event in events:
                        if isinstance(event, TurnStarted):
                            self._began(inbox_id)
                        elif isinstance(event, TurnFinished):
                            finished = event
                            event.error = in_chat(event.error) if event.error else event.error
                        await self._show(session, renderer, event)
        finally:
            chat.screen.end_line()
            for message in list(self._steers):
                # The turn ended before the model could be given it: it is in the record, to be answered next.
                self._steered(message.text)
        if time.monotonic() - began >= LONG:
            chat.call_for("The answer is there." if finished and finished.outcome == "completed" else "The turn ended.")
        return finished

    async def _show(self, session: Session, renderer: TurnRenderer, event: Event) -> None:
        self._note(event)
        await self._may_write.wait()
        pieces = renderer.feed(event)
        if isinstance(event, ApprovalResolved) and event.call_id in self._answered:
            # The answer stands there already.
            pieces = []
        for piece in pieces:
            self._chat.screen.show(piece)
        if isinstance(event, ApprovalRequested):
            self._reached(event.call_id).set()
        if isinstance(event, TaskChanged):
            await self._show_tasks(session)

    def steers(self, message: Message) -> None:
        """Show that the running turn will be given a message with its next request."""
        self._steers.append(message)
        self._show_steers()

    def _steered(self, text: str) -> None:
        """Show a message where the model was given it."""
        at = next((at for at, message in enumerate(self._steers) if message.text == text), None)
        message = Message(text) if at is None else self._steers.pop(at)
        self._show_steers()
        self._chat.screen.end_line()
        self._chat.echo(message.brief)

    def _show_steers(self) -> None:
        self._chat.screen.steering([message.brief for message in self._steers])

    def _note(self, event: Event) -> None:
        """Keep what commands and keys come back to."""
        if isinstance(event, MemoryWritten):
            if event.action == "forgotten":
                self._chat.forget_typed(event.content)
            elif event.action != "merged":
                self.written.append(event)
        elif isinstance(event, Recalled):
            self.recalled = event.memories
        elif isinstance(event, Steered):
            self._steered(event.text)

    async def _attachments(self, session: Session, text: str) -> list[Attachment]:
        """Return what goes along with a message."""
        if "@" not in text:
            return []
        from lra.chat.attachments import resolve

        message = await resolve(text, cwd=Path.cwd(), session=session, completed=self._chat.reader.completed)
        for note in message.notes:
            self._chat.screen.line(f"! {note}", "warning")
        if message.attachments and not self._chat.scripted:
            self._chat.screen.line(f"· with {', '.join(map(_shown, message.attachments))}", "dim")
        return message.attachments

    async def _show_tasks(self, session: Session) -> None:
        """Show what is open, as a short list below the change."""
        tasks = await session.runtime.store.tasks.find()
        for line in open_tasks([(task.title, task.status) for task in tasks], self._chat.screen.columns):
            self._chat.screen.line(line, "dim")
        self._chat.beside(self._chat.look())

    def _suspendable(self) -> AbstractContextManager[None]:
        # Where a prompt stands, Ctrl-Z is a key of its own.
        return self._chat.keyboard.suspendable() if self._chat.screen.plain else nullcontext()

    async def undo_written(self) -> None:
        """Take back the memory that was written last; what it replaced is in force again."""
        session = self._chat.session
        if session is None or not self.written:
            return
        event = self.written.pop()
        back = await session.runtime.store.undoing.memory(event.id, event.turn_id)
        for memory in back:
            verb = {"removed": "no longer remembered", "restored": "in force again"}.get(memory.action, "kept")
            why = f": {memory.reason}" if memory.reason else ""
            self._chat.screen.line(f"✎ {verb}{why} “{clip(memory.content, 200)}”", "memory")
        if not back:
            self._chat.screen.line("There is nothing left of it to take back.", "dim")
        await self._chat.look()

    async def approve(
        self, name: str, args: dict[str, Any], reason: str, *, call_id: str = "", lasting: bool = True
    ) -> Answer:
        """Ask whether a tool may run; another word than yes or no goes to the model as the reason."""
        from lra.tools.consent import CHANGES, by_policy

        chat = self._chat
        rules = chat.session.rules if chat.session else None
        async with chat.asking:
            if rules is not None and rules.policy.decide(name, args, "ask").action == "allow" and lasting:
                # Allowed by the answer to a question that was asked meanwhile.
                return True
            if chat.settings.approval != "ask":
                return await by_policy(chat.settings.approval)(name, args, reason, call_id=call_id)
            request = Request(name, args, reason, lasting)
            with suppress(TimeoutError):
                # What led to the question stands above it.
                async with asyncio.timeout(_CATCH_UP):
                    await self._reached(call_id).wait()
            self._questions.pop(call_id, None)
            self._may_write.clear()
            self._answered.add(call_id)
            try:
                answer = await self._ask(request)
            except KeyboardInterrupt:
                chat.interrupts.fire()
                chat.pending.hold()
                return False
            finally:
                self._may_write.set()
                chat.screen.asked([])
            if not chat.leaving:
                chat.screen.line(*answer_line(request, answer))
            if isinstance(answer, str) and name == CHANGES:
                # The turn is at its end: what was said to its changes is what comes next.
                chat.pending.put(Message(answer))
            return answer

    def _reached(self, call_id: str) -> asyncio.Event:
        """What is set when everything before the question about a call has been shown."""
        return self._questions.setdefault(call_id, asyncio.Event())

    async def _ask(self, request: Request) -> Answer:
        """Ask until there is an answer."""
        from lra.tools.consent import Lasting

        chat = self._chat
        chat.screen.asked(request.shown(chat.screen.columns - 1))
        chat.call_for(f"{request.name} needs your consent")
        fresh = True
        while True:
            answer = await chat.reader.ask(request.question(chat.screen.columns), fresh=fresh)
            # The question was in sight when this was typed: asked again, it stands at once.
            fresh = False
            if (call := split(answer)) is not None:
                known = registry.get(call[0]) is not None
                if not known:
                    chat.screen.line(unknown(call[0]), "warning")
                choices = "y, s, a, e" if request.lasting else "y, e"
                comes_first(chat, f"{choices}, or no with a reason", answer if known else "")
                continue
            kind, why = verdict(answer)
            if kind == "once":
                return True
            if kind == "no":
                return why or False
            if kind == "all":
                chat.screen.line(f"? {request.name}", "warning")
                for line in request.arguments:
                    chat.screen.line(line)
            elif kind == "edit":
                if (edited := await self._edited(request)) is not None:
                    return edited
            elif not request.lasting:
                chat.screen.line("This is asked every time: y allows it this once.", "dim")
            elif kind == "session":
                return Lasting("session")
            elif await self._confirmed(request):
                return Lasting("always")

    async def _confirmed(self, request: Request) -> bool:
        """Show the rule that would be set, and ask whether it may."""
        from lra.tools.rule_files import user_file

        chat = self._chat
        lines = rule_lines(request, str(user_file()))
        chat.screen.asked([(line, "plain") for line in lines])
        answer = ""
        with suppress(KeyboardInterrupt):
            # Given up, it is back to the question, which is what stops the turn.
            while verdict(answer := await chat.reader.ask("Add this rule? [y/N] ", fresh=True))[0] == "all":
                for line in lines:
                    chat.screen.line(line)
        chat.screen.asked(request.shown(chat.screen.columns - 1))
        return answer.strip().lower() in {"y", "yes"}

    async def _edited(self, request: Request) -> Edited | None:
        """Let the person change the arguments; None when they gave up."""
        from lra.tools.consent import Edited

        chat = self._chat
        fixed = {key: request.args[key] for key in request.fixed}
        args = {key: value for key, value in request.args.items() if key not in fixed}
        text = json.dumps(args, ensure_ascii=False, indent=None if chat.screen.plain else 2, default=str)
        while text:
            try:
                text = await chat.reader.ask("Arguments: ", default=text)
            except KeyboardInterrupt:
                # Back to the question, which is what stops the turn.
                text = ""
            if not text:
                break
            changed = arguments_from(text)
            if isinstance(changed, dict):
                return Edited({**fixed, **changed})
            chat.screen.line(changed, "warning")
        return None


def _shown(attachment: Attachment) -> str:
    """Return how something that goes along is told."""
    if attachment.label:
        return clip(attachment.label, 100)
    size = len(attachment.data if attachment.data is not None else (attachment.text or "").encode())
    name = f'"{attachment.name}"' if " " in attachment.name else attachment.name
    return f"{clip(name, 100)} ({attachment.size or file_size(size)})"
