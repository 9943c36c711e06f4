"""One turn: from the person's message on disk to the closed turn, as a stream of events."""

from __future__ import annotations

import asyncio
import time
from collections.abc import AsyncGenerator, Awaitable, Callable
from contextlib import suppress
from dataclasses import dataclass, field
from typing import Any

from pydantic_ai import Agent, CancellationToken, UsageLimits
from pydantic_ai.exceptions import RunCancelled, UnexpectedModelBehavior
from pydantic_ai.messages import (
    FunctionToolCallEvent,
    FunctionToolResultEvent,
    ModelMessage,
    PartDeltaEvent,
    PartStartEvent,
    TextPart,
    TextPartDelta,
    ThinkingPart,
    ThinkingPartDelta,
    ToolCallPart,
)
from pydantic_ai.models import Model
from pydantic_ai.usage import RunUsage

from lra.agent.context import CHARS_PER_TOKEN
from lra.agent.failures import Failure, cut_short, explain, without_answer
from lra.agent.recall_block import format_block
from lra.errors import ExitCode, LraError
from lra.events import (
    ApprovalRequested,
    ApprovalResolved,
    Compacted,
    Event,
    Notice,
    Recalled,
    RecalledMemory,
    ToolFinished,
    ToolStarted,
    TurnFinished,
    TurnStarted,
    Usage,
)
from lra.session.budget import Budget
from lra.session.context import SessionContext
from lra.session.history import INTERRUPTED, NOT_RUN, Prompt, interrupted_entry, partial_entries
from lra.session.message import Message
from lra.session.pieces import Pieces
from lra.session.recorder import Recorder
from lra.session.resilience import Resilience
from lra.session.steering import Steering
from lra.store import Entry, TurnRecord
from lra.store.database import shielded
from lra.text import clean_text, clean_value
from lra.tools.deps import AgentDeps

RECALL_SECONDS = 2.0
"""Longer than this, and the turn goes on without recalled memories."""
CATCH_UP_SECONDS = 1.0
"""How long a question about a call may wait for what led to it."""


@dataclass(kw_only=True)
class TurnPlan:
    """What a turn needs from its session."""

    agent: Agent[AgentDeps, Any]
    model: Model
    model_name: str
    deps: AgentDeps
    context: SessionContext
    turn: TurnRecord
    message: Message
    steering: Steering
    budget: Budget
    use_memory: bool
    limits: UsageLimits
    fallback: Callable[[], Model] | None = None
    fallback_name: str = ""
    history: list[ModelMessage] | None = None
    """Replaces the session's own history, for library callers."""
    told: list[str] = field(default_factory=list)
    """What the person should know before the answer."""
    refresh: Callable[[], Awaitable[list[str]]] | None = None
    """Brings what the agent can use up to date, and says what the person should know of it."""
    messages: list[ModelMessage] = field(default_factory=list)
    """All messages after the turn, for library callers."""


class TurnRunner:
    """Runs one turn; `events` yields what happens, `cancel` ends it."""

    def __init__(self, plan: TurnPlan) -> None:
        self.plan = plan
        self._store = plan.deps.structured_store
        self._out: asyncio.Queue[Event | None] = asyncio.Queue()
        self._token = CancellationToken()
        self._work: asyncio.Task[None] | None = None
        self._preparing = False
        self._cancelled = False
        self._started: dict[str, float] = {}
        self._cut = ""
        """Why the answer is not a whole one."""
        self._asked: dict[str, float] = {}
        self._told: dict[str, asyncio.Event] = {}
        self._recalled: list[RecalledMemory] = []
        self._resilience: Resilience | None = None
        self._usage = RunUsage()
        self._seq = 0
        self._recorder = Recorder(
            store=self._store,
            session_id=plan.turn.session_id,
            turn_id=plan.turn.id,
            prompt=plan.message.prompt,
            steering=plan.steering,
            emit=self._emit,
            known=0,
        )
        self._pieces = Pieces(self._recorder, self._emit)
        plan.deps.emit = self._emit
        plan.deps.caught_up = self._caught_up
        plan.deps.turn_id = plan.turn.id
        if plan.deps.workbench is not None:
            plan.deps.workbench.new_turn()
        plan.deps.turn_started = plan.turn.started_at
        plan.deps.remembered, plan.deps.decided, plan.deps.refused = [], [], []
        plan.deps.consented = {}

    def cancel(self) -> None:
        """End the turn with outcome `interrupted`; call it on the event loop's thread."""
        self._cancelled = True
        self._token.cancel()
        if self._preparing and self._work is not None:
            self._work.cancel()

    @property
    def usage(self) -> RunUsage:
        """What the run has used."""
        return self._usage

    async def ended(self) -> None:
        """Wait until the turn is closed."""
        if self._work is not None:
            await asyncio.wait([self._work])

    async def events(self) -> AsyncGenerator[Event]:
        """Yield the events of the turn; closing the iterator early cancels the turn."""
        self._emit(TurnStarted(text=self.plan.message.text, model=self.plan.model_name))
        self._tell(self.plan.told)
        self._work = asyncio.create_task(self._run_to_end())
        try:
            while (event := await self._out.get()) is not None:
                yield event
        finally:
            if not self._work.done():
                self.cancel()
            with suppress(asyncio.CancelledError):
                await shielded(self._work)

    def _emit(self, event: Event) -> None:
        self._seq += 1
        event.session_id, event.turn_id, event.seq = self.plan.turn.session_id, self.plan.turn.id, self._seq
        self._out.put_nowait(event)
        if isinstance(event, ApprovalRequested):
            self._asked[event.call_id] = time.monotonic()
        elif isinstance(event, ApprovalResolved) and event.call_id in self._started:
            # The time a person takes for the answer is not the tool's.
            now = time.monotonic()
            self._started[event.call_id] += now - self._asked.pop(event.call_id, now)

    async def _caught_up(self, call_id: str) -> None:
        """Wait until the call itself was told, and what the model said before it."""
        if call_id not in self._recorder.calls or call_id in self._started:
            return
        with suppress(TimeoutError):
            async with asyncio.timeout(CATCH_UP_SECONDS):
                await self._told.setdefault(call_id, asyncio.Event()).wait()

    def _tell(self, sentences: list[str]) -> None:
        for sentence in sentences:
            self._emit(Notice(level="warning", text=sentence))

    async def _run_to_end(self) -> None:
        failure: Failure | None = None
        output = ""
        # A task that is cancelled before its first step would never close the turn, hence not before this point.
        self._preparing = True
        try:
            history = [] if self._cancelled else await self._prepare()
            self._preparing = False
            if self._cancelled:
                raise RunCancelled("cancelled before the model was asked")
            output = await self._run(history)
            if not output.strip():
                failure = without_answer(self.plan.deps.refused)
            await self._review()
        except (RunCancelled, asyncio.CancelledError) as error:
            failure = Failure("Interrupted.", "interrupted", ExitCode.INTERRUPTED)
            if isinstance(error, RunCancelled):
                self._usage = error.usage if error.usage.requests else self._usage
        except Exception as error:
            asked = self._resilience.model_name if self._resilience else self.plan.model_name
            failure = explain(error, asked, received=self._pieces.mid_answer)
            if isinstance(error, UnexpectedModelBehavior) and not self._recorder.text:
                failure = without_answer(self.plan.deps.refused) or failure
        self._preparing = False
        try:
            await shielded(self._finish(output, failure))
        except Exception as error:
            # Whoever listens is told the end in any case.
            broken = explain(error, self.plan.model_name)
            self._emit(
                TurnFinished(
                    output=output,
                    outcome="failed",
                    usage=Usage(),
                    cost=None,
                    recalled=[],
                    remembered=[],
                    error=broken.message,
                    exit_code=int(broken.exit_code),
                )
            )
        finally:
            self._out.put_nowait(None)

    async def _prepare(self) -> list[ModelMessage]:
        """Recall, make room in the context, and return the history to send."""
        plan = self.plan
        # Side by side: memory is searched in one thread, the history and the tools read in others.
        await asyncio.gather(
            self._recall() if plan.use_memory else _nothing(),
            plan.context.refresh() if plan.history is None else _nothing(),
            self._refresh(plan.refresh) if plan.refresh is not None else _nothing(),
        )
        if plan.history is not None:
            return plan.history
        extra = len(self._recorder.recall_block) // CHARS_PER_TOKEN
        # The turn's own message is journalled already; the run adds it as its prompt.
        history, compacted = await plan.context.make_room(plan.model, extra)
        if compacted:
            self._emit(compacted)
            if compacted.strategy == "summary":
                await self._keep_summary(compacted)
        return _without_prompt(history, plan.message.prompt)

    async def _refresh(self, refresh: Callable[[], Awaitable[list[str]]]) -> None:
        self._tell(await refresh())

    async def _review(self) -> None:
        """Ask about what the turn changed in the copy of a person's folder."""
        bench = self.plan.deps.workbench
        if bench is not None and bench.workspace is not None:
            from lra.tools.workspace_review import review_workspace

            # Nothing of the model's is cancelled any more, only this, and it stands below the whole answer.
            self._preparing = True
            await self._pieces.flush()
            await review_workspace(self.plan.deps)

    async def _recall(self) -> None:
        plan = self.plan
        try:
            async with asyncio.timeout(RECALL_SECONDS):
                hits = await plan.deps.require_memory().recall(
                    plan.message.text,
                    session_id=plan.turn.session_id,
                    context_after=plan.context.after,
                    local=plan.deps.local_model,
                )
        except TimeoutError:
            self._emit(Notice(level="warning", text="Memory took too long and was left out of this turn."))
            return
        except Exception as error:
            # Whatever is wrong with memory must not keep the person from an answer.
            reason = str(error) if isinstance(error, LraError) else f"{type(error).__name__}: {error}"
            self._emit(Notice(level="warning", text=f"Memory was left out of this turn. {reason}"))
            return
        self._recalled = [hit.recalled() for hit in hits]
        self._emit(Recalled(memories=self._recalled))
        if self._recalled:
            self._recorder.recall_block = format_block(self._recalled)

    async def _keep_summary(self, compacted: Compacted) -> None:
        session = self.plan.turn.session_id
        await self.plan.deps.require_memory().remember(
            compacted.detail, kind="summary", key=f"session.{session}", source="summary", session_id=session
        )

    async def _run(self, history: list[ModelMessage]) -> str:
        plan = self.plan
        resilience = self._resilience = Resilience(
            emit=self._emit,
            budget=plan.budget,
            model_name=plan.model_name,
            fallback=plan.fallback,
            fallback_name=plan.fallback_name,
            streaming=lambda: self._pieces.mid_answer,
            lines=plan.context.lines,
        )
        self._recorder.known = len(history) + 1
        self._pieces.start()
        try:
            async with plan.agent.run_stream_events(
                plan.message.prompt,
                message_history=history,
                model=plan.model,
                deps=plan.deps,
                usage_limits=plan.limits,
                cancellation_token=self._token,
                capabilities=[self._recorder, resilience],
            ) as stream:
                try:
                    async for event in stream:
                        await self._handle(event)
                finally:
                    self._usage = stream.usage
            result = stream.result
            plan.messages = list(result.all_messages()) if result else []
            # An answer of another type than text came as a call, whose end no request carries.
            await self._recorder.close_calls(plan.messages)
            output = output_text(result.output) if result else ""
        finally:
            await self._pieces.stop()
        self._cut = cut_short(plan.messages)
        return output

    async def _handle(self, event: Any) -> None:
        match event:
            case PartStartEvent(index=index, part=part):
                self._pieces.end_part()
                if index == 0:
                    await self._pieces.next_response()
                if isinstance(part, TextPart | ThinkingPart) and part.content:
                    self._pieces.add("text" if isinstance(part, TextPart) else "thinking", part.content)
            case PartDeltaEvent(delta=TextPartDelta(content_delta=text)) if text:
                self._pieces.add("text", text)
            case PartDeltaEvent(delta=ThinkingPartDelta(content_delta=text)) if text:
                self._pieces.add("thinking", text)
            case FunctionToolCallEvent(part=part):
                await self._pieces.flush()
                self._started[part.tool_call_id] = time.monotonic()
                self._emit(ToolStarted(call_id=part.tool_call_id, name=part.tool_name, args=_args(part)))
                self._told.setdefault(part.tool_call_id, asyncio.Event()).set()
            case FunctionToolResultEvent(part=part):
                await self._recorder.result(part)
                await self._pieces.flush()
                started = self._started.pop(part.tool_call_id, time.monotonic())
                self._emit(
                    ToolFinished(
                        call_id=part.tool_call_id,
                        name=part.tool_name,
                        outcome=part.outcome,
                        content=clean_text(part.model_response_str()),
                        seconds=round(time.monotonic() - started, 3),
                    )
                )

    async def _finish(self, output: str, failure: Failure | None) -> None:
        """Journal what is still open and close the turn."""
        plan, recorder = self.plan, self._recorder
        entries: list[Entry] = [] if recorder.last is None else [recorder.last]
        if failure and self._pieces.mid_answer:
            entries += partial_entries(self._pieces.partial)
        recorder.text += [entry.content for entry in entries if entry.role == "assistant" and entry.content]
        for call in recorder.calls.values():
            held = call.tool_call_id in plan.deps.held
            entries.append(interrupted_entry(call, NOT_RUN if held else INTERRUPTED))
            self._emit(
                ToolFinished(
                    call_id=call.tool_call_id,
                    name=call.tool_name,
                    outcome="interrupted",
                    content=entries[-1].content,
                    seconds=round(time.monotonic() - self._started.get(call.tool_call_id, time.monotonic()), 3),
                )
            )
        entries += plan.steering.left()
        usage = Usage(
            requests=self._usage.requests,
            tool_calls=self._usage.tool_calls,
            input_tokens=self._usage.input_tokens,
            output_tokens=self._usage.output_tokens,
            cache_read_tokens=self._usage.cache_read_tokens,
            cache_write_tokens=self._usage.cache_write_tokens,
        )
        cost = 0.0 if plan.model.system == "lra" else _cost(self._usage)
        finished = TurnFinished(
            output=output if failure is None else "\n\n".join(recorder.text),
            outcome=failure.outcome if failure else "completed",
            usage=usage,
            cost=cost,
            recalled=[memory.id for memory in self._recalled],
            remembered=list(plan.deps.remembered),
            error=failure.message if failure else None,
            exit_code=int(failure.exit_code) if failure else 0,
        )
        try:
            await self._store.journal.finish_turn(
                plan.turn.id,
                outcome=finished.outcome,
                entries=entries,
                error=finished.error,
                recalled=finished.recalled,
                remembered=finished.remembered,
                usage={name: getattr(usage, name) for name in usage.__dataclass_fields__},
                cost=cost,
                decided=plan.deps.decided,
            )
            await plan.steering.settle()
        except Exception as error:
            # A disk that filled up must not hide the answer; the turn is closed at the next opening.
            broken = explain(error, plan.model_name)
            finished.outcome, finished.error, finished.exit_code = "failed", broken.message, int(broken.exit_code)
        self._pieces.tell()
        if self._cut:
            self._emit(Notice(level="warning", text=self._cut))
        self._emit(finished)


def output_text(output: Any) -> str:
    """Return an answer as text: as it is, or as JSON."""
    if isinstance(output, str):
        return output
    from pydantic_core import to_json

    return to_json(output, indent=2, fallback=str).decode()


async def _nothing() -> None:
    """Wait for nothing."""


def _without_prompt(history: list[ModelMessage], prompt: Prompt) -> list[ModelMessage]:
    """Return the history without the turn's own message, which is its last part."""
    from dataclasses import replace

    from pydantic_ai.messages import ModelRequest, UserPromptPart

    if history and isinstance(last := history[-1], ModelRequest):
        parts = list(last.parts)
        if parts and isinstance(parts[-1], UserPromptPart) and _words(parts[-1].content) == _words(prompt):
            del parts[-1]
            return [*history[:-1], replace(last, parts=parts)] if parts else history[:-1]
    return history


def _words(prompt: Prompt) -> list[str]:
    """Return the texts of a prompt; what else is in it does not come back from the journal as the same objects."""
    return [prompt] if isinstance(prompt, str) else [item for item in prompt if isinstance(item, str)]


def _args(part: ToolCallPart) -> dict[str, Any]:
    try:
        found: dict[str, Any] = clean_value(part.args_as_dict())
    except (ValueError, AssertionError):
        return {"arguments": str(part.args)}
    return found


def _cost(usage: RunUsage) -> float | None:
    if usage.cost is not None:
        return float(usage.cost)
    return None if usage.requests else 0.0
