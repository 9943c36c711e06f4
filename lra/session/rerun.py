"""Running turns of a kept conversation again: another model answers, tools only give back what they gave then."""

from __future__ import annotations

import json
from collections.abc import AsyncIterator, Sequence
from dataclasses import dataclass, field
from typing import Any

from pydantic_ai import Agent, AgentRetries, RunContext, ToolDefinition, UsageLimits
from pydantic_ai.exceptions import ToolFailed
from pydantic_ai.messages import (
    ModelRequest,
    ModelResponse,
    TextPart,
    ToolCallPart,
    ToolReturnPart,
    UserPromptPart,
    repair_messages,
)
from pydantic_ai.models import Model
from pydantic_ai.toolsets import AbstractToolset, ToolsetTool
from pydantic_ai.usage import RunUsage
from pydantic_core import SchemaValidator, core_schema

from lra.agent.build import TOOL_RETRIES, default_instructions
from lra.agent.failures import explain
from lra.agent.recall_block import format_block
from lra.errors import NotFoundError
from lra.events import RecalledMemory
from lra.runtime import Runtime
from lra.session.history import Prompt, load, parse
from lra.store import JournalRow, StructuredMemoryStore, TurnRecord
from lra.store.clock import iso
from lra.text import clean_text, clean_value
from lra.tools.catalogue import built_in_toolsets, function_tools
from lra.tools.web import web_toolset

NOT_RECORDED = "This call was not made then, and a replay runs nothing: there is no result."
_ANY_ARGUMENTS = SchemaValidator(core_schema.dict_schema(core_schema.str_schema()))


@dataclass(frozen=True, slots=True)
class Call:
    """A tool call, then or now."""

    name: str
    args: dict[str, Any]
    recorded: bool = True
    """Whether it was made then."""


@dataclass(slots=True, kw_only=True)
class Answer:
    """What came of a person's message."""

    text: str = ""
    calls: list[Call] = field(default_factory=list)
    error: str | None = None


@dataclass(slots=True, kw_only=True)
class Rerun:
    """One turn, then and now."""

    number: int
    asked: str
    then: Answer
    now: Answer
    then_model: str
    usage: RunUsage = field(default_factory=RunUsage)
    exit_code: int = 0

    @property
    def same_calls(self) -> bool:
        """Whether the same tools were called with the same arguments, in this order."""
        return [(each.name, each.args) for each in self.then.calls] == [
            (each.name, each.args) for each in self.now.calls
        ]

    @property
    def same_text(self) -> bool:
        """Whether the words are the same, spaces aside."""
        return self.then.text.split() == self.now.text.split()

    @property
    def same(self) -> bool:
        """Whether the answers do not part."""
        return self.same_calls and self.same_text and self.now.error is None


async def rerun(
    runtime: Runtime, session_id: str, model: Model, model_name: str, *, since: int = 1, until: int | None = None
) -> AsyncIterator[Rerun]:
    """Let a model answer a conversation's messages again, each after the conversation as it was then.

    Nothing is written and no tool runs: a call that was made then gets the result it got then, and any other is told
    that there is none. The iteration ends with the first turn in which the model fails.

    Args:
        runtime: The record.
        session_id: Which conversation.
        model: Who answers.
        model_name: What it is called.
        since: Number of the first turn.
        until: Number of the last turn.

    Raises:
        NotFoundError: There is no such turn.
    """
    store = runtime.store
    turns = await store.journal.turns(session_id)
    wanted = [turn for turn in turns if turn.number >= since and (until is None or turn.number <= until)]
    if not wanted:
        last = f"The last is {turns[-1].number}." if turns else "It has none."
        raise NotFoundError(f"The session has no turn {since}.", hint=last)
    rows = await store.journal.rows(session_id)
    limits = UsageLimits(request_limit=runtime.settings.max_requests, tool_calls_limit=runtime.settings.max_tool_calls)
    for turn in wanted:
        own = [row for row in rows if row.turn_id == turn.id]
        prompt = _prompt(own)
        if prompt is None:
            continue
        before = [row for row in rows if row.seq < own[0].seq]
        recorded = Recorded(own)
        done = Rerun(
            number=turn.number, asked=own[0].content, then=_then(turn, own), now=Answer(), then_model=turn.model
        )
        agent = Agent(
            model,
            instructions=default_instructions(),
            toolsets=[recorded],
            retries=AgentRetries(tools=TOOL_RETRIES, output=2),
        )
        try:
            result = await agent.run(
                await _with_recalled(store, prompt, turn),
                message_history=repair_messages(parse(before)),
                usage_limits=limits,
                usage=done.usage,
            )
            done.now.text = clean_text(_text(result.new_messages()))
        except Exception as error:
            failure = explain(error, model_name)
            done.now.error, done.exit_code = failure.message, int(failure.exit_code)
        done.now.calls = recorded.made
        yield done
        if done.now.error is not None:
            return


class Recorded(AbstractToolset[Any]):
    """Tools that give back what they gave in a turn, and do nothing.

    Args:
        rows: The turn's rows of the journal.
    """

    def __init__(self, rows: Sequence[JournalRow]) -> None:
        self.made: list[Call] = []
        """The calls that were asked for now."""
        returns = {part.tool_call_id: part for row in rows for part in _parts(row) if isinstance(part, ToolReturnPart)}
        self._left = [(call, returns.get(call.tool_call_id)) for call in _calls(rows)]
        toolsets = [*built_in_toolsets(use_memory=True, use_sandbox=True), web_toolset()]
        self._definitions = {tool.name: tool.tool_def for tool in function_tools(toolsets)}
        for call, _ in self._left:
            # A tool of another time or program: its arguments are whatever the model makes of them.
            self._definitions.setdefault(call.tool_name, ToolDefinition(name=call.tool_name))

    @property
    def id(self) -> str:
        """What the toolset is called."""
        return "recorded"

    async def get_tools(self, ctx: RunContext[Any]) -> dict[str, ToolsetTool[Any]]:
        """Return the tools there are today, and those that were called then."""
        return {
            name: ToolsetTool(
                toolset=self, tool_def=definition, max_retries=ctx.max_retries, args_validator=_ANY_ARGUMENTS
            )
            for name, definition in self._definitions.items()
        }

    async def call_tool(
        self, name: str, tool_args: dict[str, Any], ctx: RunContext[Any], tool: ToolsetTool[Any]
    ) -> Any:
        """Return what the same call gave then."""
        args = clean_value(tool_args)
        for index, (call, returned) in enumerate(self._left):
            if call.tool_name == name and _args(call) == args:
                del self._left[index]
                self.made.append(Call(name, args))
                if returned is None or returned.outcome != "success":
                    raise ToolFailed(returned.model_response_str() if returned else "It never came to a result.")
                return returned.content
        self.made.append(Call(name, args, recorded=False))
        raise ToolFailed(NOT_RECORDED)


def _then(turn: TurnRecord, rows: Sequence[JournalRow]) -> Answer:
    text = "\n\n".join(row.content for row in rows if row.role == "assistant" and row.content)
    return Answer(text=text, calls=[Call(call.tool_name, _args(call)) for call in _calls(rows)], error=turn.error)


def _parts(row: JournalRow) -> list[Any]:
    message = load(row) if row.payload else None
    return list(message.parts) if message is not None else []


def _calls(rows: Sequence[JournalRow]) -> list[ToolCallPart]:
    return [part for row in rows if row.role == "assistant" for part in _parts(row) if isinstance(part, ToolCallPart)]


def _args(call: ToolCallPart) -> dict[str, Any]:
    try:
        return call.args_as_dict()
    except (ValueError, AssertionError):
        return {"arguments": str(call.args)}


def _prompt(rows: Sequence[JournalRow]) -> Prompt | None:
    for row in rows:
        message = load(row) if row.role == "user" else None
        for part in message.parts if isinstance(message, ModelRequest) else ():
            if isinstance(part, UserPromptPart):
                return part.content
    return None


async def _with_recalled(store: StructuredMemoryStore, prompt: Prompt, turn: TurnRecord) -> Prompt:
    """Put in front of the model what was recalled then; what was forgotten since is missing."""
    memories, lines = await store.memories.by_ids(turn.recalled), await store.journal.by_ids(turn.recalled)
    found = {key: (each.kind, each.content, each.created_at) for key, each in memories.items()}
    found |= {key: ("turn", each.content, each.created_at) for key, each in lines.items()}
    recalled = [
        RecalledMemory(id=key, kind=found[key][0], content=found[key][1], created_at=iso(found[key][2]), score=0.0)
        for key in turn.recalled
        if key in found
    ]
    if not recalled:
        return prompt
    block = format_block(recalled)
    return f"{prompt}\n\n{block}" if isinstance(prompt, str) else [*prompt, block]


def _text(messages: Sequence[Any]) -> str:
    texts = [
        part.content
        for message in messages
        if isinstance(message, ModelResponse)
        for part in message.parts
        if isinstance(part, TextPart) and part.content
    ]
    return "\n\n".join(texts)


def told(answer: Answer) -> dict[str, Any]:
    """Return an answer as JSON."""
    calls = [{"name": each.name, "args": each.args, "recorded": each.recorded} for each in answer.calls]
    return {"text": answer.text, "calls": json.loads(json.dumps(calls, default=str)), "error": answer.error}


def parting(then: str, now: str, around: int = 30) -> tuple[str, str, str]:
    """Return the words before two texts part, and how each goes on from there.

    Args:
        then: One text.
        now: The other.
        around: How many characters to show of each.
    """
    first, second = " ".join(then.split()), " ".join(now.split())
    at = next((index for index, (a, b) in enumerate(zip(first, second, strict=False)) if a != b), None)
    if at is None:
        at = min(len(first), len(second))
    if any(text[at : at + 1].strip() for text in (first, second)) and first[at - 1 : at].strip():
        longer = max(first, second, key=len)
        # Words are not cut in the middle.
        if not (min(len(first), len(second)) == at and longer[at : at + 1] in ("", " ")):
            at = first.rfind(" ", 0, at) + 1
    return first[max(0, at - around) : at], first[at : at + 4 * around], second[at : at + 4 * around]


__all__ = ["Answer", "Call", "Recorded", "Rerun", "parting", "rerun", "told"]
