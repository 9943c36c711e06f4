"""What the three wire formats have in common: the reply to write, frames, messages and refusals."""

from __future__ import annotations

import hashlib
import json
from collections.abc import Iterator, Mapping
from dataclasses import dataclass, field
from typing import Any, Literal, Protocol

from .script import Fault, Step, ToolCall, Usage, cut

Role = Literal["system", "user", "assistant", "tool"]


@dataclass(frozen=True)
class Message:
    """One message of a request, the same for every wire format.

    A tool result is a message of its own with role `tool`; system prompts and instructions are `system`.
    """

    role: Role
    text: str = ""
    tool_calls: tuple[ToolCall, ...] = ()
    tool_call_id: str | None = None


@dataclass(frozen=True)
class Frame:
    """Bytes of a stream; `content` marks those that carry a piece of the answer and so count as a chunk."""

    data: bytes
    content: bool = False


@dataclass(frozen=True)
class Refusal:
    """An HTTP error, as the provider words it."""

    status: int
    body: dict[str, Any]
    headers: dict[str, str] = field(default_factory=dict)

    @property
    def message(self) -> str:
        """The provider's wording."""
        return str(self.body["error"]["message"])


@dataclass(frozen=True)
class Reply:
    """A step bound to the request it answers."""

    step: Step
    number: int
    body: Mapping[str, Any]
    server: str

    @property
    def key(self) -> str:
        """What the ids of this reply share, and no other reply has; an `r` in front if it has reasoning."""
        return f"{'r' if self.step.thinking else 'n'}{self.server}{self.number:04d}"

    @property
    def model(self) -> str:
        """The model that was asked."""
        return str(self.body.get("model", ""))

    def calls(self, prefix: str) -> list[tuple[str, str, str]]:
        """Id, name and JSON arguments of each tool call; a missing id is made."""
        return [
            (
                item.id or f"{prefix}_{self.key}{index:02d}",
                item.name,
                item.args if isinstance(item.args, str) else json.dumps(dict(item.args)),
            )
            for index, item in enumerate(self.step.tool_calls)
        ]

    @property
    def usage(self) -> Usage:
        """The reported usage; by default four characters are a token, so that long histories look long."""
        if self.step.usage is not None:
            return self.step.usage
        said = len(self.step.whole_text) + sum(len(args) + len(name) for _, name, args in self.calls("c"))
        return Usage(max(1, len(json.dumps(dict(self.body))) // 4), max(1, said // 4))


class Wire(Protocol):
    """What a wire format's module offers."""

    NAME: str

    def complete(self, reply: Reply) -> dict[str, Any]:
        """The whole answer as one JSON object."""

    def stream(self, reply: Reply) -> Iterator[Frame]:
        """The answer as server-sent events."""

    def stream_error(self) -> bytes:
        """The event that reports an overload inside an open stream."""

    def refuse(self, fault: Fault, model: str) -> Refusal:
        """The HTTP error for a fault."""

    def check(self, body: dict[str, Any]) -> Refusal | None:
        """The provider's objection to the request's history, if it has one."""

    def messages(self, body: dict[str, Any]) -> list[Message]:
        """The request's messages in the common form."""


def event(data: Mapping[str, Any], name: str | None = None) -> bytes:
    """One server-sent event."""
    head = f"event: {name}\n" if name else ""
    return f"{head}data: {json.dumps(data)}\n\n".encode()


def seal(text: str) -> str:
    """What a provider adds to a thought so that nobody else can make one up."""
    return "sealed:" + hashlib.sha256(text.encode()).hexdigest()[:32]


def is_sealed(value: str, text: str | None = None) -> bool:
    """Whether a seal is one of ours, and of this text if it is given."""
    return value.startswith("sealed:") if text is None else value == seal(text)


def argument_pieces(arguments: str) -> list[str]:
    """Cut JSON arguments in two, so that readers see an incomplete document on the way."""
    return cut(arguments, 2)


def parsed(arguments: str) -> dict[str, Any] | str:
    """Arguments as an object where they are one, else as they came."""
    try:
        value = json.loads(arguments)
    except ValueError:
        return arguments
    return value if isinstance(value, dict) else arguments


def common_role(role: Any) -> Role:
    """A role as the common form has it."""
    found: Role = "system" if role == "developer" else role
    return found


def joined_text(content: Any) -> str:
    """The text of a content field: a string, or a list of parts of which some have text."""
    if isinstance(content, str):
        return content
    return "".join(str(part.get("text", "")) for part in content or () if isinstance(part, dict))
