"""What a scripted model says: steps, tool calls and faults, loadable from JSON."""

from __future__ import annotations

import re
from collections.abc import Callable, Mapping
from dataclasses import dataclass
from itertools import pairwise
from typing import Any, Literal, TypeAlias, get_args

FaultKind = Literal[
    "auth",
    "permission",
    "model_not_found",
    "rate_limit",
    "quota",
    "context_length",
    "bad_request",
    "server_error",
    "unavailable",
    "overloaded",
    "garbage",
    "truncate",
    "stream_error",
    "silence",
    "hang_up",
]


@dataclass(frozen=True)
class Fault:
    """How a request goes wrong.

    The first ten kinds are HTTP errors with the provider's own status and body. `garbage` is a 200 whose
    body makes no sense; `truncate` closes the connection after `after` chunks, `stream_error` reports an
    overload inside the stream at that point; `silence` accepts and never answers, `hang_up` closes without
    answering.
    """

    kind: FaultKind
    retry_after: float | None = None
    after: int = 1
    message: str | None = None

    def __post_init__(self) -> None:
        if self.kind not in get_args(FaultKind):
            raise ValueError(f"unknown fault {self.kind!r}; one of {', '.join(get_args(FaultKind))}")


@dataclass(frozen=True)
class ToolCall:
    """One call of a tool. `args` may be a raw string, to say something that is not JSON."""

    name: str
    args: Mapping[str, Any] | str
    id: str | None = None


@dataclass(frozen=True)
class Usage:
    """The tokens a response reports."""

    input_tokens: int
    output_tokens: int
    cached_tokens: int = 0


@dataclass(frozen=True)
class Step:
    """The answer to one model request.

    Attributes:
        text: What the model says; a tuple is streamed piece by piece as given.
        chunks: Into how many pieces a `text` string is cut; word by word when not given.
        thinking: What the model thinks first.
        tool_calls: What it calls after the text.
        usage: Reported tokens; estimated from the lengths when not given.
        finish: `length` to say that the output limit cut the answer.
        delay: Seconds before the first byte.
        chunk_delay: Seconds before each further chunk.
        hold: After this many chunks, wait until the server is told to release (0: before the first byte).
        fault: What goes wrong instead, or on the way.
        when: Keep this step for the first request whose JSON contains this text.
    """

    text: str | tuple[str, ...] = ""
    chunks: int | None = None
    thinking: str = ""
    tool_calls: tuple[ToolCall, ...] = ()
    usage: Usage | None = None
    finish: Literal["stop", "length"] = "stop"
    delay: float = 0.0
    chunk_delay: float = 0.0
    hold: int | None = None
    fault: Fault | None = None
    when: str | None = None

    @property
    def whole_text(self) -> str:
        """The text in one piece."""
        return self.text if isinstance(self.text, str) else "".join(self.text)

    @property
    def pieces(self) -> list[str]:
        """The text as it is streamed."""
        return cut(self.text, self.chunks) if isinstance(self.text, str) else list(self.text)


Handler: TypeAlias = Callable[[dict[str, Any]], Step]
Line: TypeAlias = Step | Handler
"""A step, or a function that makes one from the request's JSON."""


def call(name: str, /, **args: Any) -> ToolCall:
    """A tool call: `call("add", a=1, b=2)`."""
    return ToolCall(name, args)


def say(text: str | tuple[str, ...], *tool_calls: ToolCall, **options: Any) -> Step:
    """A step with text and perhaps tool calls: `say("Let me look.", call("list_files"))`."""
    return Step(text=text, tool_calls=tool_calls, **options)


def fail(kind: FaultKind, *, text: str = "one two three four", **options: Any) -> Step:
    """A step that goes wrong: `fail("rate_limit", retry_after=2)`, `fail("truncate", after=2)`."""
    return Step(text=text, fault=Fault(kind, **options))


def cut(text: str, chunks: int | None = None) -> list[str]:
    """Cut text into words, or into `chunks` pieces of nearly equal length; nothing is lost."""
    if chunks is None:
        return re.findall(r"\s*\S+\s*$|\s*\S+|\s+$", text)
    count = max(1, min(chunks, len(text)))
    edges = [round(index * len(text) / count) for index in range(count + 1)]
    return [text[start:end] for start, end in pairwise(edges) if end > start]


def step_from_json(data: Any) -> Step:
    """Build a step from parsed JSON; a bare string is a step that says it.

    Raises:
        TypeError: When a field is not one of `Step`.
    """
    if isinstance(data, str):
        return Step(text=data)
    fields: dict[str, Any] = dict(data)
    if isinstance(fields.get("text"), list):
        fields["text"] = tuple(fields["text"])
    if "tool_calls" in fields:
        fields["tool_calls"] = tuple(_call_from_json(item) for item in fields["tool_calls"])
    if fields.get("usage") is not None:
        fields["usage"] = Usage(**fields["usage"])
    if fields.get("fault") is not None:
        fault = fields["fault"]
        fields["fault"] = Fault(**({"kind": fault} if isinstance(fault, str) else fault))
    return Step(**fields)


def script_from_json(data: Any) -> tuple[list[Step], Step | None]:
    """Read a list of steps, or an object with `steps` and a `default` for when they run out."""
    if isinstance(data, list):
        return [step_from_json(item) for item in data], None
    default = data.get("default")
    steps = [step_from_json(item) for item in data.get("steps", [])]
    return steps, None if default is None else step_from_json(default)


def _call_from_json(data: Any) -> ToolCall:
    return ToolCall(*data) if isinstance(data, list) else ToolCall(**data)
