"""OpenAI's chat completions on the wire."""

from __future__ import annotations

from collections.abc import Iterator
from typing import Any

from . import chat_history, openai_errors
from .script import Fault
from .wire import Frame, Refusal, Reply, argument_pieces, event

NAME = "openai-chat"
CREATED = 1_760_000_000
CALL_PREFIX = "call"

check = chat_history.check
messages = chat_history.messages


def complete(reply: Reply) -> dict[str, Any]:
    """The whole answer as one JSON object."""
    calls = [
        {"id": id_, "type": "function", "function": {"name": name, "arguments": arguments}}
        for id_, name, arguments in reply.calls(CALL_PREFIX)
    ]
    message: dict[str, Any] = {"role": "assistant", "content": reply.step.whole_text or None, "refusal": None}
    if reply.step.thinking:
        message["reasoning_content"] = reply.step.thinking
    if calls:
        message["tool_calls"] = calls
    choice = {"index": 0, "message": message, "logprobs": None, "finish_reason": _finish(reply)}
    return {**_envelope(reply, "chat.completion"), "choices": [choice], "usage": _usage(reply)}


def stream(reply: Reply) -> Iterator[Frame]:
    """The answer as server-sent events, closed by `[DONE]`."""

    def delta(content: dict[str, Any], *, counts: bool = True, finish: str | None = None) -> Frame:
        choice = {"index": 0, "delta": content, "logprobs": None, "finish_reason": finish}
        chunk: dict[str, Any] = {**_envelope(reply, "chat.completion.chunk"), "choices": [choice]}
        return Frame(event({**chunk, "usage": None} if with_usage else chunk), counts)

    with_usage = bool((reply.body.get("stream_options") or {}).get("include_usage"))
    yield delta({"role": "assistant", "content": "", "refusal": None}, counts=False)
    if reply.step.thinking:
        yield delta({"reasoning_content": reply.step.thinking})
    for piece in reply.step.pieces:
        yield delta({"content": piece})
    for index, (id_, name, arguments) in enumerate(reply.calls(CALL_PREFIX)):
        head = {"index": index, "id": id_, "type": "function", "function": {"name": name, "arguments": ""}}
        yield delta({"tool_calls": [head]}, counts=False)
        for piece in argument_pieces(arguments):
            yield delta({"tool_calls": [{"index": index, "function": {"arguments": piece}}]})
    yield delta({}, counts=False, finish=_finish(reply))
    if with_usage:
        yield Frame(event({**_envelope(reply, "chat.completion.chunk"), "choices": [], "usage": _usage(reply)}))
    yield Frame(b"data: [DONE]\n\n")


def stream_error() -> bytes:
    """The event that reports an overload inside an open stream."""
    return event({"error": openai_errors.OVERLOADED})


def refuse(fault: Fault, model: str) -> Refusal:
    """The HTTP error for a fault."""
    return openai_errors.refuse(fault, model, overflow=_overflow())


def _envelope(reply: Reply, kind: str) -> dict[str, Any]:
    return {
        "id": f"chatcmpl-{reply.key}",
        "object": kind,
        "created": CREATED,
        "model": reply.model,
        "service_tier": "default",
        "system_fingerprint": "fp_test",
    }


def _finish(reply: Reply) -> str:
    if reply.step.finish == "length":
        return "length"
    return "tool_calls" if reply.step.tool_calls else "stop"


def _usage(reply: Reply) -> dict[str, Any]:
    usage = reply.usage
    return {
        "prompt_tokens": usage.input_tokens,
        "completion_tokens": usage.output_tokens,
        "total_tokens": usage.input_tokens + usage.output_tokens,
        "prompt_tokens_details": {"cached_tokens": usage.cached_tokens, "audio_tokens": 0},
        "completion_tokens_details": {"reasoning_tokens": 0, "audio_tokens": 0},
    }


def _overflow() -> Refusal:
    return openai_errors.invalid(openai_errors.CHAT_OVERFLOW, "messages", "context_length_exceeded")
