"""Specialists at work: each has a conversation of its own, below the one that handed it the task."""

from __future__ import annotations

import asyncio
from collections.abc import Callable, Sequence
from contextlib import aclosing
from dataclasses import dataclass, replace
from functools import partial
from typing import TYPE_CHECKING, Any

from pydantic_ai import Agent, FunctionToolset, RunContext
from pydantic_ai.capabilities import PrepareTools
from pydantic_ai.exceptions import ToolFailed
from pydantic_ai.tools import ToolDefinition

from lra.agent.build import build_agent
from lra.agent.locality import may_see_local_only
from lra.agent.models import normalise
from lra.agent.providers import build_model
from lra.agent.specialists import Specialist
from lra.errors import LraError
from lra.events import (
    Event,
    SpecialistFinished,
    SpecialistStarted,
    TextDelta,
    ThinkingDelta,
    ToolProgress,
    TurnFinished,
    TurnStarted,
    Usage,
)
from lra.session.context import SessionContext
from lra.session.history import user_entry
from lra.session.message import compose
from lra.session.shares import Shares
from lra.session.steering import Steering
from lra.session.turn import TurnPlan, TurnRunner
from lra.store.inbox import Inbox
from lra.store.sessions import SPECIALIST
from lra.text import clean_text
from lra.tools.consent import Answer, Approver
from lra.tools.deps import AgentDeps

if TYPE_CHECKING:
    from pydantic_ai.capabilities import AbstractCapability
    from pydantic_ai.models import Model
    from pydantic_ai.toolsets import AbstractToolset

    from lra.config import Settings
    from lra.runtime import Runtime
    from lra.store import SessionRecord

MOST_DEEP = 3
"""How far a task may be handed on."""
MOST_AT_ONCE = 8
_MOST_ANSWER = 30_000
"""Characters of an answer that the agent is given; the whole stays in the record."""


@dataclass(slots=True)
class Running:
    """A specialist at work."""

    name: str
    session: str
    """Its conversation."""
    task: str
    stop: Callable[[], None]
    """Ends it; its answer so far goes back to the agent."""


@dataclass(frozen=True, slots=True)
class _Level:
    """Whoever hands a task on."""

    session: str
    """Its conversation."""
    shares: Shares
    """What it may give away."""
    chain: tuple[str, ...] = ()
    """The specialists that have handed the task on so far."""


class Delegation:
    """Runs the specialists of one session.

    Args:
        runtime: The process's shared parts.
        record: The session.
    """

    def __init__(self, runtime: Runtime, record: SessionRecord) -> None:
        self.specialists: dict[str, Specialist] = {}
        """Who there is."""
        self.running: dict[str, Running] = {}
        """Who works now, by the call that handed over the task."""
        self._runtime = runtime
        self._record = record
        self._toolsets: Sequence[AbstractToolset[AgentDeps]] = ()
        self._capabilities: Sequence[AbstractCapability[AgentDeps]] = ()
        self._inbox = Inbox(runtime.settings.home)
        self._slots = asyncio.Semaphore(MOST_AT_ONCE)
        self._plan: TurnPlan | None = None

    @property
    def settings(self) -> Settings:
        """The settings of the process."""
        return self._runtime.settings

    def tools_from(
        self,
        toolsets: Sequence[AbstractToolset[AgentDeps]],
        capabilities: Sequence[AbstractCapability[AgentDeps]],
    ) -> None:
        """Take what the session can call; it is read when a specialist begins, so that later tools count too."""
        self._toolsets, self._capabilities = toolsets, capabilities

    def begin(self, plan: TurnPlan) -> None:
        """Take the models and limits of a turn that begins, and the tasks that are handed on in it."""
        self._plan = plan
        plan.deps.spawn = partial(self._hand_on, _Level(self._record.id, Shares(plan.budget, plan.limits)))

    async def _hand_on(self, level: _Level, ctx: RunContext[AgentDeps], name: str, task: str, context: str = "") -> str:
        """Let a specialist do a task and return its answer.

        Args:
            level: Whoever hands the task on.
            ctx: Its run.
            name: The specialist.
            task: What is to be done.
            context: What it has to know.

        Raises:
            ToolFailed: It cannot be done, or was not finished; the sentence is for the model.
        """
        specialist, chain = self.specialists.get(name), level.chain
        if specialist is None or self._plan is None:
            raise ToolFailed(f"There is no specialist {name!r}.")
        task, context = clean_text(task).strip(), clean_text(context).strip()
        if not task:
            raise ToolFailed("The task is empty.")
        if name in chain:
            raise ToolFailed(
                f"Refused: the task would go round in a circle ({' → '.join([*chain, name])}). Do it yourself."
            )
        if len(chain) >= MOST_DEEP:
            raise ToolFailed(f"Refused: a task is handed on {MOST_DEEP} times at most. Do it yourself.")
        prompt = f"{task}\n\nWhat you have to know:\n{context}" if context else task
        if chain:
            # Its place is that of whoever waits for it.
            return await self._work(level, ctx, specialist, prompt)
        async with self._slots:
            return await self._work(level, ctx, specialist, prompt)

    async def _work(self, level: _Level, ctx: RunContext[AgentDeps], specialist: Specialist, prompt: str) -> str:
        runner = await self._start(level, ctx, specialist, prompt)
        call, child = ctx.tool_call_id or "", runner.plan.turn.session_id
        ended = ""

        def stop(why: str) -> None:
            nonlocal ended
            ended = ended or why
            runner.cancel()

        self.running[call] = Running(specialist.name, child, prompt, partial(stop, "The person stopped it."))
        late = asyncio.get_running_loop().call_later(
            specialist.max_seconds, stop, f"Its {specialist.max_seconds:g} seconds are over."
        )
        finished: TurnFinished | None = None
        tell = _Nested(ctx.deps.tell, specialist.name, call)
        try:
            async with aclosing(runner.events()) as events:
                async for event in events:
                    if isinstance(event, TurnStarted):
                        tell.now(
                            SpecialistStarted(
                                call_id=call, name=specialist.name, task=prompt, model=event.model, session=child
                            )
                        )
                    elif isinstance(event, TurnFinished):
                        finished = event
                    else:
                        tell(event)
        finally:
            late.cancel()
            self.running.pop(call, None)
            # What it used counts into the turn, however it ended.
            ctx.usage.incr(runner.usage)
            level.shares.give_back(call)
            ctx.deps.remembered.extend(runner.plan.deps.remembered)
            ctx.deps.refused.extend(runner.plan.deps.refused)
            tell.now(_finished(specialist, call, child, finished, ended))
        assert finished is not None
        return _answer(specialist, finished, ended)

    async def _start(
        self, level: _Level, ctx: RunContext[AgentDeps], specialist: Specialist, prompt: str
    ) -> TurnRunner:
        """Put the task on disk in a conversation of the specialist's own."""
        plan, store = self._plan, self._runtime.store
        assert plan is not None
        model, model_name = await self._model(specialist, plan)
        call = ctx.tool_call_id or ""
        try:
            budget, limits = level.shares.take(call, ctx.usage, specialist)
        except LraError as error:
            raise ToolFailed(str(error)) from error
        message = compose(prompt)
        record = await store.sessions.create(
            model=model_name,
            folder=self._record.folder,
            agent=specialist.name,
            origin=SPECIALIST,
            parent_id=level.session,
            title=await asyncio.to_thread(lambda: message.title),
            private=True,
            # Its first message is flushed in a moment, and takes it along.
            flush=False,
        )
        turn = await store.journal.begin_turn(record.id, user_entry(prompt), model=model_name)
        below = _Level(record.id, Shares(budget, limits), (*level.chain, specialist.name))
        deps = replace(
            ctx.deps,
            spawn=partial(self._hand_on, below),
            approve=_asked_for(specialist.name, ctx.deps.approve),
            local_model=ctx.deps.local_model and may_see_local_only(model_name, self._runtime.settings),
        )
        runner = TurnRunner(
            TurnPlan(
                agent=self._agent(specialist, model),
                model=model,
                model_name=model_name,
                deps=deps,
                context=SessionContext(store, record, ask_model=False),
                turn=turn,
                message=message,
                steering=Steering(self._inbox, record.id),
                budget=budget,
                use_memory=False,
                limits=limits,
                fallback=plan.fallback,
                fallback_name=plan.fallback_name,
            )
        )
        # What it remembers was remembered in the turn that asked for it, and goes when that is undone.
        deps.turn_id, deps.turn_started = ctx.deps.turn_id, ctx.deps.turn_started
        return runner

    async def _model(self, specialist: Specialist, plan: TurnPlan) -> tuple[Model, str]:
        if specialist.model is None:
            return plan.model, plan.model_name
        settings = self._runtime.settings
        try:
            name = normalise(specialist.model, settings)
            return await asyncio.to_thread(build_model, name, settings), name
        except LraError as error:
            raise ToolFailed(f"The specialist {specialist.name} cannot work. {error}") from error

    def _agent(self, specialist: Specialist, model: Model) -> Agent[AgentDeps, Any]:
        handing_on = {each.tool for each in self.specialists.values()}
        named = specialist.named_tools
        own = FunctionToolset[AgentDeps](list(specialist.functions), id=f"specialist-{specialist.name}")

        def may_use(tool: ToolDefinition) -> bool:
            return tool.name in named if named is not None else tool.name not in handing_on

        async def shown(_ctx: RunContext[AgentDeps], tools: list[ToolDefinition]) -> list[ToolDefinition]:
            return [tool for tool in tools if may_use(tool) or tool.name in own.tools]

        session = [toolset.filtered(lambda _ctx, tool: may_use(tool)) for toolset in self._toolsets]
        return build_agent(
            model,
            [*session, own],
            # Capabilities of the session bring tools too.
            capabilities=[*self._capabilities, PrepareTools(shown)],
            instructions=specialist.instructions,
            name=specialist.name,
        )


class _Nested:
    """Passes on what happens at a specialist, marked as its own."""

    def __init__(self, tell: Callable[[Event], None], name: str, call: str) -> None:
        self.now = tell
        self._name = name
        self._call = call

    def __call__(self, event: Event) -> None:
        if isinstance(event, TextDelta):
            # To whoever follows the turn it is no part of the agent's answer.
            event = ToolProgress(call_id=self._call, text=event.text)
        elif isinstance(event, ThinkingDelta):
            return
        elif not event.parent:
            event.agent, event.parent = self._name, self._call
        self.now(event)


def _asked_for(specialist: str, approve: Approver | None) -> Approver | None:
    """Return who is asked for consent, told on whose behalf."""
    if approve is None:
        return None

    async def ask(name: str, args: dict[str, Any], reason: str, *, call_id: str = "", lasting: bool = True) -> Answer:
        return await approve(name, args, f"{specialist} asks. {reason}".rstrip(), call_id=call_id, lasting=lasting)

    return ask


def _finished(
    specialist: Specialist, call: str, session: str, finished: TurnFinished | None, ended: str
) -> SpecialistFinished:
    return SpecialistFinished(
        call_id=call,
        name=specialist.name,
        session=session,
        outcome=finished.outcome if finished else "interrupted",
        usage=finished.usage if finished else Usage(),
        cost=finished.cost if finished else None,
        error=(ended or finished.error) if finished else "The turn was stopped.",
    )


def _answer(specialist: Specialist, finished: TurnFinished, ended: str) -> str:
    said = finished.output.strip()
    if len(said) > _MOST_ANSWER:
        said = f"{said[:_MOST_ANSWER]}\n[{len(said) - _MOST_ANSWER:,} more characters left out]"
    if finished.outcome == "completed":
        return said or f"The specialist {specialist.name} has ended without an answer."
    why = ended or finished.error or "It gave no reason."
    far = f"\n\nWhat it had said:\n{said}" if said else ""
    raise ToolFailed(f"The specialist {specialist.name} did not finish. {why}{far}")
