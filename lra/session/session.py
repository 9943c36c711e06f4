"""A conversation: opening, sending, rewinding, forking and closing it."""

from __future__ import annotations

import asyncio
from collections.abc import AsyncGenerator, Sequence
from contextlib import aclosing, suppress
from typing import TYPE_CHECKING, Any, Unpack

from pydantic_ai import Agent, UsageLimits
from pydantic_ai.messages import ModelMessage

from lra.agent.context import window_of
from lra.agent.locality import may_see_local_only
from lra.agent.models import known_as, normalise
from lra.agent.providers import build_model
from lra.agent.tracing import trace
from lra.config import load_settings
from lra.errors import LraError, UsageError
from lra.events import Compacted, Event, Notice
from lra.runtime import Runtime
from lra.session.attachments import Attachment
from lra.session.budget import Budget, checked_price
from lra.session.closing import leave_behind, leave_summary, pick_up
from lra.session.context import SessionContext, Uncompacted
from lra.session.context_report import ContextReport, report
from lra.session.custom import Custom
from lra.session.delegation import Delegation
from lra.session.equipment import Equipment, equip
from lra.session.export import export_session
from lra.session.log import note
from lra.session.message import Message, begin, compose
from lra.session.opening import Wanted, copy_session, prepare
from lra.session.recovery import recover_turns, settle_held
from lra.session.steering import Steering
from lra.session.tenancy import Tenancy, reading_only
from lra.session.turn import TurnPlan, TurnRunner
from lra.session.undo import Undoer, Undone
from lra.session.usage import SessionUsage, used
from lra.store import SessionRecord
from lra.store.inbox import Inbox
from lra.text import clean_text
from lra.tools.catalogue import ToolInfo, describe
from lra.tools.deps import AgentDeps, Approver
from lra.tools.rule_files import RuleFiles

if TYPE_CHECKING:
    from pydantic_ai.models import Model
    from pydantic_ai.toolsets import AbstractToolset

    from lra.tools.workbench import Workbench


class Session:
    """One open conversation; `send` runs a turn and yields its events.

    Use `Session.open`; a session holds the right to write to its conversation until `close`.
    """

    def __init__(
        self,
        runtime: Runtime,
        record: SessionRecord,
        *,
        model: Model,
        model_name: str,
        use_memory: bool = True,
        read_only: bool = False,
        approver: Approver | None = None,
        equipment: Equipment,
        custom: Custom,
    ) -> None:
        self.runtime = runtime
        self.record = record
        self.model_name = model_name
        self.notices: list[str] = []
        self._model = model
        self._use_memory = use_memory
        self._read_only = read_only
        self._equipment = equipment
        self._custom = custom
        self._agent = self._build_agent()
        self._context = SessionContext(runtime.store, record, ask_model=self._may_ask())
        self._undoer = Undoer(runtime.store, record.id, self._context)
        self._deps = AgentDeps(
            session_id=record.id,
            structured_store=runtime.store,
            memory=runtime.memory,
            sandbox_base_url=runtime.settings.sandbox_url,
            approve=approver,
            policy=equipment.rules.policy,
            keep_rule=equipment.rules.keep,
            workbench=equipment.workbench,
        )
        self._tenancy = Tenancy(runtime, record.id)
        self._held = Inbox(runtime.settings.home)
        """Messages that came while the record was locked."""
        self._closed = False
        self._running = False
        self._stop = False
        """Set when a turn was cancelled before its message was on disk."""
        self._runner: TurnRunner | None = None
        self._owns_runtime = False
        self._loop = asyncio.get_running_loop()
        self.last_messages: list[ModelMessage] = []
        """All messages after the last completed turn, for library callers."""

    @property
    def id(self) -> str:
        """The session's id."""
        return self.record.id

    @property
    def title(self) -> str:
        """The session's title, empty before the first turn."""
        return self.record.title

    @property
    def toolsets(self) -> Sequence[AbstractToolset[AgentDeps]]:
        """What the model can call."""
        return tuple(self._equipment.toolsets)

    @property
    def rules(self) -> RuleFiles:
        """What its tools may do, and the files that say so."""
        return self._equipment.rules

    @property
    def workbench(self) -> Workbench | None:
        """The session's sandbox, where one can be had."""
        return self._equipment.workbench

    @property
    def delegation(self) -> Delegation:
        """Its specialists, and those who work now."""
        return self._equipment.delegation

    @property
    def running(self) -> bool:
        """Whether a turn is running."""
        return self._running

    @classmethod
    async def open(cls, runtime: Runtime | None = None, **wanted: Unpack[Wanted]) -> Session:
        """Open a new or an existing conversation.

        Args:
            runtime: The process's shared parts; without one the session opens its own from the settings.
            **wanted: Which conversation, and how; see `Wanted`.

        Raises:
            SessionBusyError: Another process has it open.
            NotFoundError: There is no such session.
            ConfigError: The model, or the agent, cannot be used.
        """
        if runtime is None:
            own = await Runtime.open(await asyncio.to_thread(load_settings))
            try:
                session = await cls.open(own, **wanted)
            except BaseException:
                await own.close()
                raise
            session._owns_runtime = True
            return session
        custom = await Custom.load(wanted.get("agent"))
        opened = await prepare(runtime, wanted, custom.definition)
        use_memory, read_only = wanted.get("use_memory", True), wanted.get("read_only", False)
        session = cls(
            runtime,
            opened.record,
            model=opened.model,
            model_name=opened.model_name,
            use_memory=use_memory,
            read_only=read_only,
            approver=wanted.get("approver"),
            equipment=await equip(runtime, opened.record, use_memory=use_memory, definition=custom.definition),
            custom=custom,
        )
        session.notices = [*runtime.settings.notices, *session.notices, *opened.notices, *session._equipment.notices]
        if not read_only:
            await session._tenancy.take()
            session.notices += await recover_turns(runtime.store, opened.record.id)
        if runtime.long_lived:
            session.notices += await pick_up(runtime, use_memory=use_memory)
        return session

    def _build_agent(self) -> Agent[AgentDeps, Any]:
        agent = self._equipment.build(self._model)
        token = self.runtime.settings.logfire_token
        if token and (problem := trace(agent, token)) and problem not in self.notices:
            self.notices.append(problem)
        return agent

    async def send(
        self,
        text: str,
        *,
        attachments: Sequence[Attachment] = (),
        inbox_id: str | None = None,
        history: Sequence[ModelMessage] | None = None,
    ) -> AsyncGenerator[Event, None]:
        """Run one turn.

        Args:
            text: The person's message.
            attachments: What goes along with it.
            inbox_id: Set when the text already waits in the inbox, so that it is not kept there twice.
            history: Replaces the session's own history for this turn.

        Yields:
            The turn's events; the last is `TurnFinished`. Closing the iterator cancels the turn.

        Raises:
            UsageError: The message is empty, the session is read-only or closed, or a turn is running.
            BusyError: The database is locked; the message is kept in the inbox.
        """
        text = clean_text(text)
        if not text.strip():
            raise UsageError("The message is empty.")
        self._check_writable()
        self._running, self._stop = True, False
        try:
            runner = self._runner = TurnRunner(await self._plan(compose(text, attachments), inbox_id, history))
            if self._stop:
                runner.cancel()
            async with aclosing(runner.events()) as events:
                async for event in events:
                    note(event)
                    yield event
        finally:
            if self._runner is not None:
                self.last_messages = self._runner.plan.messages
            self._running, self._runner = False, None

    async def _plan(self, message: Message, inbox_id: str | None, history: Sequence[ModelMessage] | None) -> TurnPlan:
        """Put the message on disk and say how it is to be answered."""
        settings = self.runtime.settings
        store, untitled = self.runtime.store, not self.record.title
        await self._tenancy.ensure()
        told = await self._custom.refresh(self._equipment)
        if self._custom.fresh:
            self._agent, self._custom.fresh = self._build_agent(), False
        limit, fallback_name = settings.max_session_tokens, settings.fallback_model
        limited = settings.max_cost is not None or limit is not None
        readers = filter(None, (self.model_name, fallback_name))
        self._deps.asks_person = settings.approval == "ask"
        self._deps.local_model = all(may_see_local_only(name, settings) for name in readers)
        spent, tokens = await store.journal.spent(self.id) if limited else (0.0, 0)
        turn = await begin(store, self._held, self.record, message, model_name=self.model_name, inbox_id=inbox_id)
        if untitled:
            await self.refresh()
        plan = TurnPlan(
            agent=self._agent,
            model=self._model,
            model_name=self.model_name,
            deps=self._deps,
            context=self._context,
            turn=turn,
            message=message,
            steering=Steering(self._held, self.id),
            budget=Budget(settings.max_cost, spent, max_tokens=limit, used_tokens=tokens),
            use_memory=self._use_memory,
            limits=UsageLimits(
                request_limit=settings.max_requests,
                tool_calls_limit=settings.max_tool_calls,
                total_tokens_limit=max(0, limit - tokens) if limit is not None else None,
            ),
            fallback=(lambda: build_model(normalise(fallback_name, settings), settings)) if fallback_name else None,
            fallback_name=known_as(fallback_name or "", settings),
            history=list(history) if history is not None else None,
            told=told,
            refresh=self._equipment.refresh,
        )
        self._equipment.delegation.begin(plan)
        return plan

    async def steer(self, text: str) -> bool:
        """Give the running turn a message, which the model gets with its next request, at the latest after its answer.

        Args:
            text: What the person wrote.

        Returns:
            False when no turn runs, or it takes no message yet or any more.
        """
        text = clean_text(text)
        return bool(text.strip()) and self._runner is not None and await self._runner.plan.steering.add(text)

    def tell(self, sentence: str) -> None:
        """Let the running turn say a sentence to the person, as a notice among its events."""
        if self._runner is not None:
            self._deps.tell(Notice(level="warning", text=sentence))

    def cancel(self) -> None:
        """End the running turn, if any; may be called from any thread."""
        if self._running:
            self._loop.call_soon_threadsafe(self._cancel_now)

    def _cancel_now(self) -> None:
        if self._runner is not None:
            self._runner.cancel()
        else:
            self._stop = self._running

    async def rewind(self, number: int, *, also_written: bool = False) -> Undone:
        """Undo turn `number` and everything after it; the record keeps the hidden rows.

        Args:
            number: The first turn to undo.
            also_written: Whether the memories and tasks these turns wrote become what they were before.

        Raises:
            UsageError: There is no such turn, a turn is running, or the session is read-only.
        """
        self._check_writable()
        undone = await self._undoer.rewind(number, also_written=also_written)
        await self.refresh()
        if undone.summary_dropped and self._use_memory:
            await leave_summary(self.runtime, self.id, None)
        return undone

    async def rewind_preview(self, number: int) -> Undone:
        """Return what `rewind(number, also_written=True)` would undo; nothing changes.

        Raises:
            UsageError: There is no such turn, a turn is running, or the session is read-only.
        """
        self._check_writable()
        return await self._undoer.rewind(number, also_written=True, rehearse=True)

    async def undo(self) -> Undone:
        """Undo the last turn, with the memories and tasks it wrote.

        Raises:
            UsageError: There is no turn, one is running, or the session is read-only.
        """
        return await self.rewind(await self._undoer.last(), also_written=True)

    async def undo_preview(self) -> Undone:
        """Return what `undo` would do; nothing changes.

        Raises:
            UsageError: There is no turn, one is running, or the session is read-only.
        """
        return await self.rewind_preview(await self._undoer.last())

    async def fork(self, *, until: int | None = None) -> Session:
        """Return a new session that starts as a copy of this one.

        Args:
            until: Last turn to copy; all by default.
        """
        await self.refresh()
        record, definition = await copy_session(self.runtime, self.record, until), self._equipment.definition
        session = Session(
            self.runtime,
            record,
            model=self._model,
            model_name=self.model_name,
            use_memory=self._use_memory,
            approver=self._deps.approve,
            equipment=await equip(self.runtime, record, use_memory=self._use_memory, definition=definition),
            custom=self._custom.copy(),
        )
        await session._tenancy.take()
        return session

    async def compact(self) -> Compacted | None:
        """Replace the older turns in the context by a summary; the journal keeps them.

        Returns:
            What was done, or None when there is nothing to shorten.
        """
        self._check_idle()
        compacted = await self._context.compact(self._model)
        if compacted is not None:
            await leave_summary(self.runtime, self.id, None)
        return compacted

    async def uncompact(self) -> Uncompacted | None:
        """Send again what the last compaction left out.

        Returns:
            What was done, or None when nothing is left out.

        Raises:
            UsageError: It would not fit the window, a turn is running, or the session is read-only.
        """
        self._check_writable()
        return await self._context.uncompact(window_of(self._model))

    async def context_report(self) -> ContextReport:
        """Return what fills the model's context window."""
        return await report(
            self.runtime.store,
            self.id,
            self._context,
            self._equipment.toolsets,
            model=self._model,
            model_name=self.model_name,
            capabilities=self._equipment.capabilities,
        )

    async def set_model(self, name: str) -> None:
        """Answer the next turns with another model.

        Raises:
            ConfigError: The name is wrong, or its key or package is missing.
            UsageError: A turn is running.
        """
        self._check_idle()
        settings = self.runtime.settings
        checked = normalise(name, settings)
        model = await asyncio.to_thread(build_model, checked, settings)
        if settings.max_cost is not None:
            checked_price(model)
        self._model, self.model_name = model, checked
        self._agent = self._build_agent()

    async def rename(self, title: str) -> None:
        """Give the session a title."""
        await self.runtime.store.sessions.set_title(self.id, clean_text(title).strip(), by_user=True)
        await self.refresh()

    async def refresh(self) -> None:
        """Read the session's row anew: forgetting changes it, here or in another process."""
        self.record = await self.runtime.store.sessions.get(self.id)

    async def rest(self) -> None:
        """Let others write to the conversation until the next turn, which takes the right to do so back."""
        self._check_idle()
        self._tenancy.stop()
        await self._tenancy.release()

    async def usage(self) -> SessionUsage:
        """Return what the session has used so far."""
        return await used(self.runtime.store, self.id, await self.context_report())

    async def export(self, kind: str = "md") -> str:
        """Return the conversation as a document: `md`, `json` or `html`.

        Raises:
            UsageError: There is no such format.
        """
        return await export_session(self.runtime.store, self.id, kind)

    def tools(self) -> list[ToolInfo]:
        """Return the tools the model has."""
        return describe(self._equipment.toolsets)

    def _check_idle(self) -> None:
        if self._running:
            raise UsageError("A turn is running; wait for it or cancel it.")

    def _check_writable(self) -> None:
        self._check_idle()
        if self._read_only:
            raise reading_only(self.id)
        if self._closed:
            raise UsageError(f"Session {self.id} is closed.")

    def _may_ask(self) -> bool:
        """Tell whether a model may be asked for more than answers: not where every cent is counted."""
        return self.runtime.settings.max_cost is None

    async def close(self, *, summarize: bool = True) -> None:
        """Cancel what runs, leave a summary in memory, and give the session free; a second call does nothing.

        Args:
            summarize: Whether a model may be asked for the summary; an extractive one is left in any case.
        """
        if self._closed:
            return
        self._closed = True
        self._cancel_now()
        if self._runner is not None:
            await self._runner.ended()
        self._tenancy.stop()
        try:
            if not self._read_only:
                # What cannot be brought in now is found in the inbox by the next process.
                with suppress(LraError, OSError):
                    await settle_held(self.runtime.store, self._held, self.id)
            if self._use_memory and not self._read_only:
                await leave_behind(self.runtime, self.id, self._model if summarize else None, may_ask=self._may_ask())
        finally:
            if not self._read_only:
                await self._tenancy.release()
                await self.runtime.store.sessions.discard_empty(self.id)
            await self._equipment.close()
            if self._owns_runtime:
                await self.runtime.close()

    async def __aenter__(self) -> Session:
        """Return the session; leaving the block closes it."""
        return self

    async def __aexit__(self, *exc: object) -> None:
        """Close the session."""
        await self.close(summarize=False)
