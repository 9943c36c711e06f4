"""Reading and checking the history in a request to OpenAI's chat completions."""

from __future__ import annotations

from typing import Any

from . import openai_errors
from .script import ToolCall
from .wire import Message, Refusal, common_role, joined_text, parsed


def check(body: dict[str, Any]) -> Refusal | None:
    """Refuse a history in which tool calls and tool messages do not pair up."""
    given = body.get("messages") or []
    if not given:
        return openai_errors.invalid(
            "Invalid 'messages': empty array. Expected an array with minimum length 1, but got an empty array instead.",
            "messages",
            "empty_array",
        )
    asked: list[str] = []
    answered: dict[str, int] = {}
    for index, message in enumerate([*given, {"role": "end", "content": ""}]):
        if message["role"] == "tool":
            refusal = _check_result(message, index, asked, answered)
            answered[message["tool_call_id"]] = index
        else:
            refusal = _check_other(message, index, [item for item in asked if item not in answered])
            asked, answered = [item["id"] for item in message.get("tool_calls") or ()], {}
        if refusal is not None:
            return refusal
    return None


def messages(body: dict[str, Any]) -> list[Message]:
    """The request's messages in the common form."""
    return [
        Message(
            role=common_role(item["role"]),
            text=joined_text(item.get("content")),
            tool_calls=tuple(
                ToolCall(made["function"]["name"], parsed(made["function"]["arguments"]), made["id"])
                for made in item.get("tool_calls") or ()
            ),
            tool_call_id=item.get("tool_call_id"),
        )
        for item in body.get("messages", ())
    ]


def _check_result(message: dict[str, Any], index: int, asked: list[str], answered: dict[str, int]) -> Refusal | None:
    call_id = message["tool_call_id"]
    if not asked:
        return openai_errors.invalid(
            "Invalid parameter: messages with role 'tool' must be a response to a preceeding message with "
            "'tool_calls'.",
            f"messages.[{index}].role",
        )
    if call_id not in asked:
        return openai_errors.invalid(
            f"Invalid parameter: 'tool_call_id' of '{call_id}' not found in 'tool_calls' of previous message.",
            f"messages.[{index}].tool_call_id",
        )
    if call_id in answered:
        return openai_errors.invalid(
            f"Invalid parameter: Duplicate value for 'tool_call_id' of '{call_id}', in "
            f"messages[{answered[call_id]}] and messages[{index}].",
            f"messages.[{index}].tool_call_id",
        )
    return None


def _check_other(message: dict[str, Any], index: int, unanswered: list[str]) -> Refusal | None:
    if unanswered:
        return openai_errors.invalid(
            "An assistant message with 'tool_calls' must be followed by tool messages responding to each "
            "'tool_call_id'. The following tool_call_ids did not have response messages: " + ", ".join(unanswered),
            f"messages.[{index}].role",
        )
    if message["role"] == "assistant" and not message.get("tool_calls") and message.get("content") is None:
        return openai_errors.invalid(
            "Invalid value for 'content': expected a string, got null.", f"messages.[{index}].content"
        )
    return None
