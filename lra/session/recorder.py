"""A Pydantic AI capability that puts every message of a run into the journal as it arrives."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import dataclass, field, replace
from typing import Any

from pydantic_ai import RunContext
from pydantic_ai.capabilities import AbstractCapability
from pydantic_ai.exceptions import ToolFailed
from pydantic_ai.messages import (
    ModelRequest,
    ModelResponse,
    RetryFeedbackPart,
    ToolCallPart,
    ToolReturnPart,
    UserPromptPart,
)
from pydantic_ai.models import ModelRequestContext
from pydantic_ai.tools import ToolDefinition
from sqlalchemy import Connection

from lra.agent.recall_block import with_block
from lra.errors import LraError
from lra.events import Event, Steered
from lra.session.history import Prompt, clean_response, extra_entry, response_entry, tool_entry
from lra.session.steering import Steering
from lra.store import Entry, StructuredMemoryStore
from lra.store.journal import append_entries, drop_stream
from lra.store.sqlite import raw
from lra.text import clean_text, clean_value
from lra.tools.deps import AgentDeps


@dataclass
class Recorder(AbstractCapability[AgentDeps]):
    """Journals responses before their tools run, and results before the model sees them.

    A response that calls no tool ends the turn as a rule; it is journalled with that end, in one flush of the disk,
    and until then its streamed pieces stand for it.
    """

    store: StructuredMemoryStore
    session_id: str
    turn_id: int
    prompt: Prompt
    steering: Steering
    emit: Callable[[Event], None]
    known: int
    """Messages of the history the run started with."""
    recall_block: str = ""
    calls: dict[str, ToolCallPart] = field(default_factory=dict)
    """Calls without a result."""
    responses: int = 0
    """Responses in the journal that had parts."""
    last: Entry | None = None
    """A complete response that is journalled with what comes next."""
    seen: set[int] = field(default_factory=set)
    asked: UserPromptPart | RetryFeedbackPart | None = None
    """The part with the turn's own message, once it was met."""
    text: list[str] = field(default_factory=list)
    """Text of the answer so far, a response each."""

    async def before_model_request(
        self, ctx: RunContext[AgentDeps], request_context: ModelRequestContext
    ) -> ModelRequestContext:
        """Journal what the request adds, and put recalled memories beside the prompt in this request alone."""
        self.steering.run = ctx
        if self.last is not None:
            await self._journal_response(self.last, ())
        await self._journal_requests(ctx.messages[self.known :])
        if not self.recall_block:
            return request_context
        return replace(request_context, messages=with_block(request_context.messages, self.prompt, self.recall_block))

    async def _journal_requests(self, messages: Sequence[Any]) -> None:
        for message in messages:
            if not isinstance(message, ModelRequest):
                continue
            for part in message.parts:
                if isinstance(part, ToolReturnPart):
                    await self.result(part)
            extra = [
                part
                for part in message.parts
                if isinstance(part, UserPromptPart | RetryFeedbackPart)
                and id(part) not in self.seen
                and not self._is_prompt(part)
            ]
            self.seen.update(id(part) for part in extra)
            if extra:
                await self._append([extra_entry(message, extra)])
            for part in extra:
                if isinstance(part.content, str) and await self.steering.delivered(part.content):
                    self.emit(Steered(text=part.content))

    def _is_prompt(self, part: UserPromptPart | RetryFeedbackPart) -> bool:
        """Tell whether a part is the message that the turn began with, which the journal has."""
        if self.asked is None and part.content == self.prompt:
            self.asked = part
        return part is self.asked

    async def after_model_request(
        self, ctx: RunContext[AgentDeps], *, request_context: ModelRequestContext, response: ModelResponse
    ) -> ModelResponse:
        """Journal a complete response; its streamed pieces are no longer needed."""
        if not response.parts:
            return response
        response = clean_response(response)
        # What the offline model says is its own help or words it was given: found again, it would be an echo.
        entry = response_entry(response, searchable=request_context.model.system != "lra")
        if calls := [part for part in response.parts if isinstance(part, ToolCallPart)]:
            await self._journal_response(entry, calls)
        else:
            self.last = entry
        return response

    @property
    def complete(self) -> int:
        """Responses that arrived to their end."""
        return self.responses + (self.last is not None)

    async def _journal_response(self, entry: Entry, calls: Sequence[ToolCallPart]) -> None:
        def work(connection: Connection) -> None:
            append_entries(connection, self.session_id, self.turn_id, [entry])
            drop_stream(connection, self.turn_id)
            # Noted with the write, which a cancellation does not stop: no late piece is kept beside the whole, and
            # every call that is in the journal is closed there.
            self.responses += 1
            self.last = None
            self.calls.update((part.tool_call_id, part) for part in calls)
            if entry.content:
                self.text.append(entry.content)

        await self.store.database.write(work)

    async def result(self, part: ToolReturnPart) -> bool:
        """Journal a tool result once; tells whether it was new."""
        if self.calls.pop(part.tool_call_id, None) is None:
            return False
        await self._append([tool_entry(part)])
        return True

    async def close_calls(self, messages: Sequence[Any]) -> None:
        """Journal the results of calls that are still open, from the messages of a run that is over."""
        for message in messages if self.calls else ():
            for part in message.parts if isinstance(message, ModelRequest) else ():
                if isinstance(part, ToolReturnPart):
                    await self.result(part)

    async def stream(self, ordinal: int, chunks: Sequence[tuple[str, str]]) -> None:
        """Keep pieces of the response number `ordinal` unless it is already complete in the journal."""

        def work(connection: Connection) -> None:
            if ordinal <= self.responses:
                return
            raw(connection).executemany(
                "INSERT INTO stream_chunks(turn_id, kind, content) VALUES (?, ?, ?)",
                [(self.turn_id, kind, text) for kind, text in chunks],
            )

        await self.store.database.write_stream(work)

    async def after_tool_execute(
        self,
        ctx: RunContext[AgentDeps],
        *,
        call: ToolCallPart,
        tool_def: ToolDefinition,
        args: dict[str, Any],
        result: Any,
    ) -> Any:
        """Clean what a tool returns, which may come from anywhere."""
        return clean_value(result)

    async def on_tool_execute_error(
        self,
        ctx: RunContext[AgentDeps],
        *,
        call: ToolCallPart,
        tool_def: ToolDefinition,
        args: dict[str, Any],
        error: Exception,
    ) -> Any:
        """Report any failure of a tool to the model instead of ending the run."""
        if isinstance(error, LraError):
            raise ToolFailed(clean_text(str(error))) from error
        raise ToolFailed(clean_text(f"{call.tool_name} failed: {type(error).__name__}: {error}")) from error

    async def _append(self, entries: Sequence[Entry]) -> None:
        await self.store.journal.append(self.session_id, self.turn_id, entries)
