"""Anthropic's messages on the wire."""

from __future__ import annotations

from collections.abc import Iterator
from typing import Any

from . import anthropic_history
from .script import Fault
from .wire import Frame, Refusal, Reply, argument_pieces, event, parsed, seal

NAME = "anthropic"
CALL_PREFIX = "toolu"
RATE_LIMITS_PAGE = "https://docs.claude.com/en/api/rate-limits"

check = anthropic_history.check
messages = anthropic_history.messages
invalid = anthropic_history.invalid


def complete(reply: Reply) -> dict[str, Any]:
    """The whole answer as one JSON object."""
    usage = {**_input_usage(reply), "output_tokens": reply.usage.output_tokens}
    return {**_envelope(reply), "content": _blocks(reply), "stop_reason": _stop_reason(reply), "usage": usage}


def stream(reply: Reply) -> Iterator[Frame]:
    """The answer as the events of a stream."""
    opening = {**_envelope(reply), "content": [], "usage": {**_input_usage(reply), "output_tokens": 1}}
    yield _frame("message_start", {"message": opening})
    yield _frame("ping", {})
    for index, block in enumerate(_blocks(reply)):
        yield _frame("content_block_start", {"index": index, "content_block": {**block, **_BARE[block["type"]]}})
        for delta in _deltas(reply, index, block):
            counts = delta["type"] != "signature_delta"
            yield _frame("content_block_delta", {"index": index, "delta": delta}, counts=counts)
        yield _frame("content_block_stop", {"index": index})
    ending = {"stop_reason": _stop_reason(reply), "stop_sequence": None}
    yield _frame("message_delta", {"delta": ending, "usage": {"output_tokens": reply.usage.output_tokens}})
    yield _frame("message_stop", {})


def stream_error() -> bytes:
    """The event that reports an overload inside an open stream."""
    return event({"type": "error", "error": {"type": "overloaded_error", "message": "Overloaded"}}, "error")


def refuse(fault: Fault, model: str) -> Refusal:
    """The HTTP error for a fault."""
    error = anthropic_history.error
    known = {
        "auth": error(401, "authentication_error", "invalid x-api-key"),
        "permission": error(
            403, "permission_error", "Your API key does not have permission to use the specified resource."
        ),
        "model_not_found": error(404, "not_found_error", f"model: {model}"),
        "rate_limit": error(
            429,
            "rate_limit_error",
            "This request would exceed your organization's rate limit of 30,000 input tokens per minute "
            f"(org: org-test, model: {model}). For details, refer to: {RATE_LIMITS_PAGE}. You can see the "
            "response headers for current usage. Please reduce the prompt length or the maximum tokens "
            "requested, or try again later.",
        ),
        "quota": invalid(
            "Your credit balance is too low to access the Anthropic API. Please go to Plans & Billing to "
            "upgrade or purchase credits."
        ),
        "context_length": invalid("prompt is too long: 208310 tokens > 200000 maximum"),
        "bad_request": invalid("The request body is not valid JSON: unexpected end of data"),
        "server_error": error(500, "api_error", "Internal server error"),
        "unavailable": error(503, "api_error", "Service unavailable"),
        "overloaded": error(529, "overloaded_error", "Overloaded"),
    }[fault.kind]
    if fault.message is not None:
        known.body["error"]["message"] = fault.message
    headers = {} if fault.retry_after is None else {"retry-after": f"{fault.retry_after:g}"}
    return Refusal(known.status, known.body, headers)


def _frame(name: str, data: dict[str, Any], *, counts: bool = False) -> Frame:
    return Frame(event({"type": name, **data}, name), counts)


def _envelope(reply: Reply) -> dict[str, Any]:
    return {
        "id": f"msg_{reply.key}",
        "type": "message",
        "role": "assistant",
        "model": reply.model,
        "stop_reason": None,
        "stop_sequence": None,
    }


def _input_usage(reply: Reply) -> dict[str, Any]:
    usage = reply.usage
    return {
        "input_tokens": usage.input_tokens - usage.cached_tokens,
        "cache_creation_input_tokens": 0,
        "cache_read_input_tokens": usage.cached_tokens,
        "service_tier": "standard",
    }


def _blocks(reply: Reply) -> list[dict[str, Any]]:
    step = reply.step
    blocks: list[dict[str, Any]] = []
    if step.thinking:
        blocks.append({"type": "thinking", "thinking": step.thinking, "signature": seal(step.thinking)})
    if step.whole_text:
        blocks.append({"type": "text", "text": step.whole_text})
    for id_, name, arguments in reply.calls(CALL_PREFIX):
        blocks.append({"type": "tool_use", "id": id_, "name": name, "input": parsed(arguments)})
    return blocks


_BARE: dict[str, dict[str, Any]] = {
    "thinking": {"thinking": "", "signature": ""},
    "text": {"text": ""},
    "tool_use": {"input": {}},
}
"""What a block lacks when it has only been announced."""


def _deltas(reply: Reply, index: int, block: dict[str, Any]) -> Iterator[dict[str, Any]]:
    match block["type"]:
        case "thinking":
            yield {"type": "thinking_delta", "thinking": block["thinking"]}
            yield {"type": "signature_delta", "signature": block["signature"]}
        case "text":
            for piece in reply.step.pieces:
                yield {"type": "text_delta", "text": piece}
        case "tool_use":
            arguments = next(args for id_, _, args in reply.calls(CALL_PREFIX) if id_ == block["id"])
            for piece in argument_pieces(arguments):
                yield {"type": "input_json_delta", "partial_json": piece}


def _stop_reason(reply: Reply) -> str:
    if reply.step.finish == "length":
        return "max_tokens"
    return "tool_use" if reply.step.tool_calls else "end_turn"
