"""What happens in a turn, as the events that clients of managed agents know."""

from __future__ import annotations

import secrets
from collections.abc import Iterator, Mapping
from typing import Any

from lra.errors import UsageError
from lra.events import (
    ApprovalRequested,
    Event,
    Retrying,
    TextDelta,
    ThinkingDelta,
    ToolFinished,
    ToolStarted,
    TurnFinished,
    TurnStarted,
)
from lra.managed.plan import Plan
from lra.store.clock import iso, now_us
from lra.text import one_line

WireEvent = dict[str, Any]
"""`type`, `id` and `processed_at`, and what belongs to the type."""

_STOPS = {"completed": "end_turn", "interrupted": "end_turn", "refused": "refusal", "budget": "budget_reached"}


def wire(kind: str, **values: Any) -> WireEvent:
    """Return an event of now.

    Args:
        kind: Its type.
        **values: What belongs to it; its `id` when it is not a new one.
    """
    return {"type": kind, "id": f"sevt_{secrets.token_hex(12)}", "processed_at": iso(now_us()), **values}


def texts(text: str) -> list[dict[str, str]]:
    """Return text as the content of an event."""
    return [{"type": "text", "text": text}]


def text_of(content: object) -> str:
    """Return the text in the content of an event.

    Args:
        content: A text, or a list of blocks.

    Raises:
        UsageError: There is something else in it.
    """
    if isinstance(content, str):
        return content
    found = []
    for block in content if isinstance(content, list) else [content]:
        if not isinstance(block, Mapping) or block.get("type") != "text" or not isinstance(block.get("text"), str):
            raise UsageError(
                f"{one_line(repr(block), 60)} is no text.", hint='Give content=[{"type": "text", "text": "…"}].'
            )
        found.append(str(block["text"]))
    return "\n".join(found)


def idle(reason: str, **more: Any) -> WireEvent:
    """Return the event that says that nothing runs, and why."""
    return wire("session.status_idle", stop_reason={"type": reason, **more})


class Translator:
    """Turns the events of one turn into those of the wire.

    Args:
        plan: The agent.
    """

    def __init__(self, plan: Plan) -> None:
        self._custom = {tool.name for tool in plan.selection.custom}
        self._asked: set[str] = set()
        self._text: list[str] = []
        self._thinking = False

    def take(self, event: Event) -> Iterator[WireEvent]:
        """Yield what an event becomes; text is gathered until it is whole.

        Args:
            event: What happened.
        """
        match event:
            case _ if event.parent:
                return
            case TurnStarted(text=text):
                yield wire("user.message", content=texts(text))
                yield wire("session.status_running")
            case TextDelta(text=text):
                self._text.append(text)
            case ThinkingDelta() if not self._thinking:
                self._thinking = True
                yield wire("agent.thinking")
            case ToolStarted(name=name) if name in self._custom:
                # It is told by whoever runs it.
                yield from self._whole()
            case ApprovalRequested(call_id=call_id, name=name, args=args):
                self._asked.add(call_id)
                yield from self._whole()
                yield _use(call_id, name, args, "ask")
            case ToolStarted(call_id=call_id, name=name, args=args):
                yield from self._whole()
                if call_id not in self._asked:
                    yield _use(call_id, name, args, "allow")
            case ToolFinished(name=name) if name in self._custom:
                return
            case ToolFinished(call_id=call_id, outcome=outcome, content=content):
                failed = outcome != "success"
                yield wire("agent.tool_result", tool_use_id=call_id, content=texts(content), is_error=failed)
            case Retrying(reason=reason):
                yield _error("retrying", reason, "retrying")
            case TurnFinished():
                yield from self._whole()
                yield from ended(event)

    def _whole(self) -> Iterator[WireEvent]:
        text, self._text, self._thinking = "".join(self._text), [], False
        if text.strip():
            yield wire("agent.message", content=texts(text))


def _use(call_id: str, name: str, args: Mapping[str, Any], permission: str) -> WireEvent:
    return wire("agent.tool_use", id=call_id, name=name, input=dict(args), evaluated_permission=permission)


def ended(finished: TurnFinished) -> Iterator[WireEvent]:
    """Yield what the end of a turn becomes.

    Args:
        finished: The last event of the turn.
    """
    usage = finished.usage
    yield wire("session.usage", usage={"input_tokens": usage.input_tokens, "output_tokens": usage.output_tokens})
    if finished.outcome not in {"completed", "interrupted"}:
        yield _error(finished.outcome, finished.error or f"The turn ended as {finished.outcome}.", "exhausted")
    yield idle(_STOPS.get(finished.outcome, "retries_exhausted"))


def failed(message: str) -> Iterator[WireEvent]:
    """Yield what is told of a turn that could not begin.

    Args:
        message: Why.
    """
    yield _error("failed", message, "exhausted")
    yield idle("retries_exhausted")


def _error(kind: str, message: str, retry: str) -> WireEvent:
    return wire("session.error", error={"type": kind, "message": message, "retry_status": {"type": retry}})
