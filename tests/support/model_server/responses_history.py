"""Reading and checking the history in a request to OpenAI's responses."""

from __future__ import annotations

from collections.abc import Iterator
from itertools import chain
from typing import Any

from . import openai_errors
from .script import ToolCall
from .wire import Message, Refusal, common_role, is_sealed, joined_text, parsed


def check(body: dict[str, Any]) -> Refusal | None:
    """Refuse items that lack what belongs to them.

    A call needs its output somewhere after it; they need not be neighbours here, unlike in the other formats.
    Calls of a response named by `previous_response_id` are not in the request; outputs may then stand alone.
    """
    items = _items(body)
    return next(chain(_pairs(body, items), _identities(items), _reasoning(items)), None)


def messages(body: dict[str, Any]) -> list[Message]:
    """The request's messages in the common form; what the assistant did in one go is one message."""
    result = [Message("system", body["instructions"])] if body.get("instructions") else []
    for item in _items(body):
        kind = item.get("type", "message")
        if kind == "function_call_output":
            result.append(Message("tool", joined_text(item["output"]), tool_call_id=item["call_id"]))
        elif kind == "function_call":
            made = ToolCall(item["name"], parsed(item["arguments"]), item["call_id"])
            if result and result[-1].role == "assistant":
                last = result.pop()
                result.append(Message("assistant", last.text, (*last.tool_calls, made)))
            else:
                result.append(Message("assistant", tool_calls=(made,)))
        elif kind == "message":
            result.append(Message(common_role(item["role"]), joined_text(item["content"])))
    return result


def _items(body: dict[str, Any]) -> list[dict[str, Any]]:
    given = body.get("input") or []
    return [{"role": "user", "content": given}] if isinstance(given, str) else list(given)


def _pairs(body: dict[str, Any], items: list[dict[str, Any]]) -> Iterator[Refusal]:
    calls: set[str] = set()
    unanswered: dict[str, None] = {}
    for item in items:
        if item.get("type") == "function_call":
            calls.add(item["call_id"])
            unanswered[item["call_id"]] = None
        elif item.get("type") == "function_call_output":
            call_id = item["call_id"]
            unanswered.pop(call_id, None)
            if call_id not in calls and not body.get("previous_response_id"):
                yield openai_errors.invalid(
                    f"No tool call found for function call output with call_id {call_id}.", "input"
                )
    for call_id in unanswered:
        yield openai_errors.invalid(f"No tool output found for function call {call_id}.", "input")


def _identities(items: list[dict[str, Any]]) -> Iterator[Refusal]:
    seen: set[str] = set()
    for item in items:
        if (identity := item.get("id")) in seen:
            yield openai_errors.invalid(
                f"Duplicate item found with id {identity}. Remove duplicate items from your input and try again.",
                "input",
            )
        if identity is not None:
            seen.add(identity)


def _reasoning(items: list[dict[str, Any]]) -> Iterator[Refusal]:
    given = {item["id"] for item in items if item.get("type") == "reasoning" and item.get("id")}
    for item, following in zip(items, [*items[1:], {"role": "user"}], strict=True):
        if item.get("type") == "reasoning":
            sealed = item.get("encrypted_content")
            if sealed is not None and not is_sealed(sealed):
                yield openai_errors.invalid(
                    f"The encrypted content {sealed[:4]}...{sealed[-4:]} could not be verified.",
                    None,
                    "invalid_encrypted_content",
                )
            if following.get("role", "assistant") != "assistant" or following.get("type") == "function_call_output":
                yield openai_errors.invalid(
                    f"Item '{item.get('id')}' of type 'reasoning' was provided without its required following item.",
                    "input",
                )
        elif (needed := _reasoning_of(item)) is not None and needed not in given:
            yield openai_errors.invalid(
                f"Item '{item['id']}' of type '{item['type']}' was provided without its required 'reasoning' "
                f"item: '{needed}'.",
                "input",
            )


def _reasoning_of(item: dict[str, Any]) -> str | None:
    """The reasoning item that came with an item of ours: its key says so, see `Reply.key`."""
    prefix, _, key = str(item.get("id") or "").partition("_")
    if prefix not in ("msg", "fc") or not key.startswith("r"):
        return None
    return f"rs_{key if prefix == 'msg' else key[:-2]}"
