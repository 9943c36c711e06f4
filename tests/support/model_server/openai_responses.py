"""OpenAI's responses on the wire."""

from __future__ import annotations

from collections.abc import Iterator
from typing import Any

from . import openai_errors, responses_history
from .script import Fault
from .wire import Frame, Refusal, Reply, argument_pieces, event, seal

NAME = "openai"
CREATED = 1_760_000_000
CALL_PREFIX = "call"

check = responses_history.check
messages = responses_history.messages


def complete(reply: Reply) -> dict[str, Any]:
    """The whole answer as one JSON object."""
    cut_short = reply.step.finish == "length"
    usage = reply.usage
    return {
        **_envelope(reply),
        "status": "incomplete" if cut_short else "completed",
        "incomplete_details": {"reason": "max_output_tokens"} if cut_short else None,
        "output": _items(reply),
        "usage": {
            "input_tokens": usage.input_tokens,
            "input_tokens_details": {"cached_tokens": usage.cached_tokens, "cache_write_tokens": 0},
            "output_tokens": usage.output_tokens,
            "output_tokens_details": {"reasoning_tokens": 0},
            "total_tokens": usage.input_tokens + usage.output_tokens,
        },
    }


def stream(reply: Reply) -> Iterator[Frame]:
    """The answer as the typed events of a stream, numbered in order."""
    opening = {**_envelope(reply), "status": "in_progress", "output": [], "usage": None}
    events: list[tuple[str, dict[str, Any]]] = []
    events += [("response.created", {"response": opening}), ("response.in_progress", {"response": opening})]
    for index, item in enumerate(_items(reply)):
        started = {**item, "status": "in_progress", **_BARE[item["type"]]}
        events.append(("response.output_item.added", {"output_index": index, "item": started}))
        events += [
            (name, {"item_id": item["id"], "output_index": index, **data})
            for name, data in _EVENTS[item["type"]](reply, item)
        ]
        events.append(("response.output_item.done", {"output_index": index, "item": item}))
    closing = complete(reply)
    events.append((f"response.{closing['status']}", {"response": closing}))
    for number, (name, data) in enumerate(events):
        yield Frame(event({"type": name, "sequence_number": number, **data}, name), name.endswith(".delta"))


def stream_error() -> bytes:
    """The event that reports an overload inside an open stream."""
    return event({"type": "error", "error": openai_errors.OVERLOADED, "sequence_number": 99}, "error")


def refuse(fault: Fault, model: str) -> Refusal:
    """The HTTP error for a fault."""
    overflow = openai_errors.invalid(
        "Your input exceeds the context window of this model. Please adjust your input and try again.",
        "input",
        "context_length_exceeded",
    )
    return openai_errors.refuse(fault, model, overflow=overflow)


def _envelope(reply: Reply) -> dict[str, Any]:
    return {
        "id": f"resp_{reply.key}",
        "object": "response",
        "created_at": CREATED,
        "error": None,
        "incomplete_details": None,
        "instructions": reply.body.get("instructions"),
        "max_output_tokens": reply.body.get("max_output_tokens"),
        "metadata": {},
        "model": reply.model,
        "parallel_tool_calls": True,
        "previous_response_id": reply.body.get("previous_response_id"),
        "reasoning": {"effort": None, "summary": None},
        "store": reply.body.get("store", True),
        "temperature": 1.0,
        "text": {"format": {"type": "text"}},
        "tool_choice": reply.body.get("tool_choice", "auto"),
        "tools": reply.body.get("tools", []),
        "top_p": 1.0,
        "truncation": "disabled",
        "user": None,
    }


def _items(reply: Reply) -> list[dict[str, Any]]:
    """The finished items of the answer, in order; they share the reply's key."""
    step = reply.step
    items: list[dict[str, Any]] = []
    if step.thinking:
        summary = [{"type": "summary_text", "text": step.thinking}]
        sealed = seal(step.thinking)
        items.append({"id": f"rs_{reply.key}", "type": "reasoning", "summary": summary, "encrypted_content": sealed})
    if step.whole_text:
        items.append(
            {
                "id": f"msg_{reply.key}",
                "type": "message",
                "role": "assistant",
                "status": "completed",
                "content": [_text_part(step.whole_text)],
            }
        )
    for index, (call_id, name, arguments) in enumerate(reply.calls(CALL_PREFIX)):
        items.append(
            {
                "id": f"fc_{reply.key}{index:02d}",
                "type": "function_call",
                "status": "completed",
                "call_id": call_id,
                "name": name,
                "arguments": arguments,
            }
        )
    return items


_BARE: dict[str, dict[str, Any]] = {
    "reasoning": {"summary": []},
    "message": {"content": []},
    "function_call": {"arguments": ""},
}
"""What an item lacks when it has only been announced."""


def _reasoning_events(reply: Reply, item: dict[str, Any]) -> Iterator[tuple[str, dict[str, Any]]]:
    part = item["summary"][0]
    yield "response.reasoning_summary_part.added", {"summary_index": 0, "part": {**part, "text": ""}}
    yield "response.reasoning_summary_text.delta", {"summary_index": 0, "delta": part["text"]}
    yield "response.reasoning_summary_text.done", {"summary_index": 0, "text": part["text"]}
    yield "response.reasoning_summary_part.done", {"summary_index": 0, "part": part}


def _message_events(reply: Reply, item: dict[str, Any]) -> Iterator[tuple[str, dict[str, Any]]]:
    part = item["content"][0]
    yield "response.content_part.added", {"content_index": 0, "part": _text_part("")}
    for piece in reply.step.pieces:
        yield "response.output_text.delta", {"content_index": 0, "delta": piece, "logprobs": []}
    yield "response.output_text.done", {"content_index": 0, "text": part["text"], "logprobs": []}
    yield "response.content_part.done", {"content_index": 0, "part": part}


def _call_events(reply: Reply, item: dict[str, Any]) -> Iterator[tuple[str, dict[str, Any]]]:
    for piece in argument_pieces(item["arguments"]):
        yield "response.function_call_arguments.delta", {"delta": piece}
    yield "response.function_call_arguments.done", {"name": item["name"], "arguments": item["arguments"]}


_EVENTS = {"reasoning": _reasoning_events, "message": _message_events, "function_call": _call_events}


def _text_part(text: str) -> dict[str, Any]:
    return {"type": "output_text", "annotations": [], "logprobs": [], "text": text}
