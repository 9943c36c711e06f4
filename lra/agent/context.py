"""The context window: how full it is, and how to shorten what is sent without touching the journal."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import replace

from pydantic_ai.messages import (
    ModelMessage,
    ModelRequest,
    ModelResponse,
    TextPart,
    ThinkingPart,
    ToolCallPart,
    ToolReturnPart,
    UserPromptPart,
)
from pydantic_ai.models import Model

DEFAULT_WINDOW = 128_000
"""Tokens assumed for a model whose window is unknown."""
OFFLINE_WINDOW = 32_000
CHARS_PER_TOKEN = 4
"""Rule of thumb for English text in the tokenizers in use."""
FULL = 0.7
"""Share of the window at which the context is shortened."""
TARGET = 0.4
"""Share of the window that is aimed at."""
KEPT_RESULTS = 2
"""Latest tool results that are never trimmed."""
LONG_RESULT = 400
"""Characters from which a tool result is worth trimming."""
SHORTENED = "[Earlier in this conversation, shortened."
"""Begins what stands in a history in place of messages that are left out."""


def window_of(model: Model) -> int:
    """Return a model's context window in tokens."""
    if model.system == "lra":
        return OFFLINE_WINDOW
    return model.profile.get("context_window") or DEFAULT_WINDOW


def estimate_tokens(messages: Sequence[ModelMessage]) -> int:
    """Estimate the tokens of a history from its characters."""
    return sum(_chars(message) for message in messages) // CHARS_PER_TOKEN


def _chars(message: ModelMessage) -> int:
    return sum(part_chars(part) for part in message.parts)


def part_chars(part: object) -> int:
    """Return the characters of one part of a message, with what it takes to mark it off."""
    total = 16
    if isinstance(part, UserPromptPart):
        total += len(user_text(part))
    elif isinstance(part, ToolReturnPart):
        total += len(part.model_response_str())
    elif isinstance(part, TextPart | ThinkingPart):
        total += len(part.content)
    elif isinstance(part, ToolCallPart):
        total += len(part.args_as_json_str()) + len(part.tool_name)
    return total


def user_text(part: UserPromptPart) -> str:
    """Return the text of a user prompt, without images and documents."""
    if isinstance(part.content, str):
        return part.content
    return "\n".join(item for item in part.content if isinstance(item, str))


def trim_tool_results(messages: Sequence[ModelMessage], *, keep: int = KEPT_RESULTS) -> tuple[list[ModelMessage], int]:
    """Replace old, long tool results by a note of their size.

    Args:
        messages: A history.
        keep: How many of the latest results stay whole.

    Returns:
        The shortened history and how many results were trimmed.
    """
    total = sum(isinstance(part, ToolReturnPart) for message in messages for part in message.parts)
    trimmed = seen = 0
    result: list[ModelMessage] = []
    for message in messages:
        if not isinstance(message, ModelRequest):
            result.append(message)
            continue
        parts = list(message.parts)
        for index, part in enumerate(parts):
            if not isinstance(part, ToolReturnPart):
                continue
            seen += 1
            text = part.model_response_str()
            if seen <= total - keep and len(text) > LONG_RESULT:
                note = f"{text[:120]}… [trimmed: {len(text)} characters]"
                parts[index] = replace(part, content=note)  # type: ignore[arg-type]
                trimmed += 1
        result.append(replace(message, parts=parts))
    return result, trimmed


def split_turns(messages: Sequence[ModelMessage]) -> list[list[ModelMessage]]:
    """Split a history at the person's messages."""
    turns: list[list[ModelMessage]] = []
    for message in messages:
        starts = isinstance(message, ModelRequest) and any(isinstance(part, UserPromptPart) for part in message.parts)
        if starts or not turns:
            turns.append([])
        turns[-1].append(message)
    return turns


def recent_part(messages: Sequence[ModelMessage], budget: int) -> tuple[list[ModelMessage], list[ModelMessage]]:
    """Split a history into what is to be summarised and the latest whole turns that fit `budget` tokens.

    The last turn always stays.
    """
    turns = split_turns(messages)
    kept: list[list[ModelMessage]] = []
    used = 0
    for turn in reversed(turns):
        used += estimate_tokens(turn)
        if kept and used > budget:
            break
        kept.append(turn)
    old = turns[: len(turns) - len(kept)]
    return [m for turn in old for m in turn], [m for turn in reversed(kept) for m in turn]


def with_summary(summary: str, recent: Sequence[ModelMessage]) -> list[ModelMessage]:
    """Return a history that starts with a summary in place of what it stands for."""
    note = f"{SHORTENED} The full text is kept in the journal.]\n{summary}\n[End of the summary.]"
    return [
        ModelRequest(parts=[UserPromptPart(content=note)]),
        ModelResponse(parts=[TextPart(content="Understood.")]),
        *recent,
    ]
