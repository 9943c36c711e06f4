"""Reading a message history: what is asked now, what the tools answered so far, what was said before."""

from __future__ import annotations

import json
from collections.abc import Iterator, Sequence
from dataclasses import dataclass, field
from typing import Any, get_args

from pydantic_ai.messages import (
    CachePoint,
    ModelMessage,
    ModelRequest,
    ModelResponse,
    TextContent,
    TextPart,
    ToolCallPart,
    ToolReturnPart,
    UserPromptPart,
)

from lra.agent.context import SHORTENED
from lra.agent.enclosed import is_enclosed
from lra.agent.offline.replies import INTRODUCTION, SETUP
from lra.agent.offline.results import Call, Outcome, Result
from lra.text import clean_text

RECALLED = "<recalled-memories>"
"""Begins what the session adds to a prompt; it is no part of what the person wrote."""

_EARLIER = 40
_EARLIER_LENGTH = 1000
_OUTCOMES = frozenset(get_args(Outcome))


@dataclass(frozen=True, slots=True)
class Turn:
    """One turn, as far as it has come."""

    prompts: tuple[str, ...] = ()
    """What the person wrote; several texts when they went on writing while a tool ran."""
    attachments: int = 0
    results: dict[str, Result] = field(default_factory=dict)
    """Results of this turn's calls, by the identity of the call."""
    made: tuple[Call, ...] = ()
    """The calls those results belong to."""
    requests: int = 0
    """Model responses this turn has already had."""
    interrupted: tuple[str, ...] = ()
    """Tools whose calls were cut off before the person wrote again."""
    earlier: tuple[str, ...] = ()
    cut: bool = False
    """Whether more was said before that."""
    answered: str = ""
    """The last answer before this turn."""
    introduced: bool = False
    """Whether it has been said who is speaking."""
    explained: bool = False
    """Whether it has been said how to get a real model."""


def read_turn(messages: Sequence[ModelMessage], run_id: str | None = None) -> Turn:
    """Read the turn at the end of a history.

    A turn begins with the last prompt that has had no final answer. A prompt before it is still open only when it
    belongs to the same run; one from a run that was cut off is not taken up again.

    Args:
        messages: The history, its last message a request.
        run_id: The current run, where known.
    """
    after_answer = _after_last_answer(messages)
    asked = [i for i in range(after_answer, len(messages)) if _has_prompt(messages[i])]
    start = asked[-1] if asked else after_answer
    for index in reversed(asked[:-1]):
        if run_id is None or not _same_run(messages[index + 1 : start], run_id):
            break
        start = index
    answered = _answered(messages[start:])
    cut = [
        call.tool for call, result in _answered(messages[after_answer : start + 1]) if result.outcome == "interrupted"
    ]
    prompts = [part for message in messages[start:] for part in _prompt_parts(message)]
    earlier, cut_short = _earlier(messages[:start])
    return Turn(
        prompts=tuple(_text(part) for part in prompts),
        attachments=sum(_attachments(part) for part in prompts),
        results={call.identity: result for call, result in answered},
        made=tuple(call for call, _ in answered),
        requests=sum(isinstance(message, ModelResponse) for message in messages[start:]),
        interrupted=tuple(cut),
        earlier=earlier,
        cut=cut_short,
        answered=_last_answer(messages[:start]),
        introduced=_has_said(messages[:start], INTRODUCTION),
        explained=_has_said(messages[:start], SETUP),
    )


def estimate_tokens(messages: Sequence[ModelMessage]) -> int:
    """Estimate the tokens of a history from its length alone."""
    return sum(_size(getattr(part, "content", "")) for message in messages for part in message.parts) // 4


def _size(content: Any) -> int:
    if isinstance(content, str):
        return len(content)
    if isinstance(content, dict):
        return sum(_size(value) for value in content.values())
    if isinstance(content, list | tuple):
        return sum(_size(value) for value in content)
    return _size(getattr(content, "content", ""))


def _prompt_parts(message: ModelMessage) -> Iterator[UserPromptPart]:
    if isinstance(message, ModelRequest):
        yield from (part for part in message.parts if isinstance(part, UserPromptPart))


def _has_prompt(message: ModelMessage) -> bool:
    return next(_prompt_parts(message), None) is not None


def _after_last_answer(messages: Sequence[ModelMessage]) -> int:
    for index in range(len(messages) - 1, -1, -1):
        message = messages[index]
        if isinstance(message, ModelResponse) and not any(isinstance(part, ToolCallPart) for part in message.parts):
            return index + 1
    return 0


def _same_run(messages: Sequence[ModelMessage], run_id: str) -> bool:
    """Whether the responses between two prompts belong to a run; request ids get lost when requests are merged."""
    responses = [message for message in messages if isinstance(message, ModelResponse)]
    return bool(responses) and all(message.run_id == run_id for message in responses)


def _answered(messages: Sequence[ModelMessage]) -> list[tuple[Call, Result]]:
    """Return the calls in some messages that have a result there."""
    calls: dict[str, Call] = {}
    found: list[tuple[Call, Result]] = []
    for message in messages:
        for part in message.parts:
            if isinstance(part, ToolCallPart):
                calls[part.tool_call_id] = Call(part.tool_name, part.args_as_dict())
            elif isinstance(part, ToolReturnPart) and part.tool_call_id in calls:
                found.append((calls[part.tool_call_id], _result(part)))
    return found


def _result(part: ToolReturnPart) -> Result:
    value: Any = part.content
    if not isinstance(value, str | int | float | list | dict | None):
        text = part.model_response_str(wrap_if_error=False)
        try:
            value = json.loads(text)
        except ValueError:
            value = text
    elif isinstance(value, list) and any(not isinstance(item, dict) for item in value):
        value = _plain(part, value)
    return Result(part.outcome if part.outcome in _OUTCOMES else "success", value)


def _plain(part: ToolReturnPart, value: list[Any]) -> Any:
    """Return a list of records, or of the texts in it, as plain data."""
    try:
        found = json.loads(part.model_response_str(wrap_if_error=False))
    except ValueError:
        return value
    return found if isinstance(found, list) else value


def _text(part: UserPromptPart) -> str:
    content = part.content
    if not isinstance(content, str):
        pieces = (item if isinstance(item, str) else getattr(item, "content", "") for item in content if _is_text(item))
        content = "\n".join(pieces)
    return clean_text(content.partition(RECALLED)[0]).strip()


def _is_text(item: object) -> bool:
    return isinstance(item, str | TextContent) and not is_enclosed(item)


def _attachments(part: UserPromptPart) -> int:
    if isinstance(part.content, str):
        return 0
    return sum(not _is_text(item) and not isinstance(item, CachePoint) for item in part.content)


def _earlier(messages: Sequence[ModelMessage]) -> tuple[tuple[str, ...], bool]:
    """Return what the person wrote before, as far as it is looked at, and whether there was more."""
    found: list[str] = []
    for message in reversed(messages):
        for part in reversed(list(_prompt_parts(message))):
            text = _text(part)[:_EARLIER_LENGTH]
            if len(found) >= _EARLIER or text.startswith(SHORTENED):
                return tuple(text for text in reversed(found) if text), True
            found.append(text)
    return tuple(text for text in reversed(found) if text), False


def _last_answer(messages: Sequence[ModelMessage]) -> str:
    for message in reversed(messages):
        if isinstance(message, ModelResponse) and not any(isinstance(part, ToolCallPart) for part in message.parts):
            return "".join(part.content for part in message.parts if isinstance(part, TextPart)).strip()
    return ""


def _has_said(messages: Sequence[ModelMessage], words: str) -> bool:
    return any(
        isinstance(part, TextPart) and words in part.content
        for message in messages
        if isinstance(message, ModelResponse)
        for part in message.parts
    )
