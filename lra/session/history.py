"""Between journal rows and Pydantic AI messages."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import replace
from typing import Any

from pydantic import ValidationError
from pydantic_ai.messages import (
    ModelMessage,
    ModelMessagesTypeAdapter,
    ModelRequest,
    ModelResponse,
    TextPart,
    ThinkingPart,
    ToolCallPart,
    ToolReturnPart,
    UserContent,
    UserPromptPart,
)

from lra.store import Entry, JournalRow
from lra.text import clean_text, clean_value

Prompt = str | Sequence[UserContent]
"""What a model is given of a person's message."""

INTERRUPTED = "Interrupted before it finished. Its effects are unknown: check before repeating it."
NOT_RUN = "Not run: the turn was stopped while the person was asked about it."


def dump(message: ModelMessage) -> str:
    """Return one message as JSON, in the form `load` reads."""
    return clean_text(ModelMessagesTypeAdapter.dump_json([message]).decode()[1:-1])


def load(row: JournalRow) -> ModelMessage | None:
    """Return the message of a row; rows without one (imported lines) become plain text messages."""
    if row.payload:
        try:
            message = ModelMessagesTypeAdapter.validate_json(f"[{row.payload}]")[0]
            # A thought without what it led to is refused by providers that check (OpenAI's responses API).
            only_thought = all(isinstance(part, ThinkingPart) for part in message.parts)
            return None if only_thought else message
        except (ValidationError, ValueError):
            # Written by a later version, or changed by hand: the words are still there.
            pass
    if not row.content:
        return None
    text = f"{row.speaker}: {row.content}" if row.speaker else row.content
    if row.role == "assistant":
        return ModelResponse(parts=[TextPart(content=text)])
    if row.role == "user":
        return ModelRequest(parts=[UserPromptPart(content=text)])
    return None


def parse(rows: Sequence[JournalRow]) -> list[ModelMessage]:
    """Return the messages of rows as they stand; `repair_messages` makes a history of them."""
    return [message for row in rows if (message := load(row)) is not None]


def user_entry(text: str, *, prompt: Prompt | None = None, created_at: int | None = None) -> Entry:
    """Return the journal row of a person's message.

    Args:
        text: What is shown and searched.
        prompt: What the model is given, where that is more.
        created_at: When it was written; now by default.
    """
    message = ModelRequest(parts=[UserPromptPart(content=text if prompt is None else prompt)])
    return Entry(role="user", content=text, payload=dump(message), created_at=created_at)


def clean_response(response: ModelResponse) -> ModelResponse:
    """Return the response with its texts cleaned; a model may say what neither a database nor a provider takes."""
    parts = list(response.parts)
    for index, part in enumerate(parts):
        if isinstance(part, TextPart | ThinkingPart) and (text := clean_text(part.content)) != part.content:
            parts[index] = replace(part, content=text)
        elif isinstance(part, ToolCallPart) and part.args != (args := clean_value(part.args)):
            parts[index] = replace(part, args=args)
    return replace(response, parts=parts)


def response_entry(response: ModelResponse, *, searchable: bool = True) -> Entry:
    """Return the journal row of a model response; its content is the text alone."""
    text = "\n\n".join(part.content for part in response.parts if isinstance(part, TextPart) and part.content)
    return Entry(role="assistant", content=clean_text(text), payload=dump(response), searchable=searchable)


def partial_entries(chunks: Sequence[tuple[str, str]]) -> list[Entry]:
    """Return the rows of an answer that broke off, from its streamed pieces `(kind, text)`.

    Thoughts are kept for the person alone: no provider takes back half of one.
    """
    entries = []
    if thought := "".join(text for kind, text in chunks if kind == "thinking"):
        entries.append(Entry(role="system", content=f"[interrupted thought] {thought}", outcome="interrupted"))
    if answer := "".join(text for kind, text in chunks if kind == "text"):
        response = ModelResponse(parts=[TextPart(content=answer)], state="interrupted")
        entries.append(Entry(role="assistant", content=answer, payload=dump(response), outcome="interrupted"))
    return entries


def tool_entry(part: ToolReturnPart) -> Entry:
    """Return the journal row of a tool result."""
    return Entry(
        role="tool",
        content=clean_text(part.model_response_str()),
        payload=dump(ModelRequest(parts=[part])),
        tool_name=part.tool_name,
        tool_call_id=part.tool_call_id,
        outcome=part.outcome,
    )


def interrupted_entry(call: ToolCallPart, reason: str = INTERRUPTED) -> Entry:
    """Return the journal row of a call that never came to a result."""
    part = ToolReturnPart(
        tool_name=call.tool_name, content=reason, tool_call_id=call.tool_call_id, outcome="interrupted"
    )
    return tool_entry(part)


def extra_entry(request: ModelRequest, parts: Sequence[Any]) -> Entry:
    """Return the journal row of other parts a request carries, such as a steering message or retry feedback."""
    message = ModelRequest(parts=list(parts))
    text = "\n".join(part.content for part in parts if isinstance(getattr(part, "content", None), str))
    role = "user" if any(isinstance(part, UserPromptPart) for part in parts) else "system"
    return Entry(role=role, content=clean_text(text), payload=dump(message))  # type: ignore[arg-type]


def open_calls(rows: Sequence[JournalRow]) -> list[ToolCallPart]:
    """Return the tool calls in these rows that have no result."""
    calls: dict[str, ToolCallPart] = {}
    for row in rows:
        if row.role == "assistant" and isinstance(message := load(row), ModelResponse):
            calls.update((part.tool_call_id, part) for part in message.parts if isinstance(part, ToolCallPart))
        elif row.tool_call_id:
            calls.pop(row.tool_call_id, None)
    return list(calls.values())
