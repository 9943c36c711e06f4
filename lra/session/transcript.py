"""A conversation as messages, from the rows of the journal."""

from __future__ import annotations

import json
from collections.abc import Iterator, Mapping, Sequence
from contextlib import suppress
from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    from lra.store import JournalRow, StructuredMemoryStore, TurnRecord

Message = dict[str, Any]

_NAMES = {"user": "You", "assistant": "Assistant", "system": "System"}
# How Pydantic AI calls the end of a tool call, and how the record does.
_OUTCOMES = {"success": "completed", "denied": "refused"}


async def read_messages(store: StructuredMemoryStore, session_id: str) -> list[Message]:
    """Return the messages of a session in order, with what had arrived of an answer that was never finished."""
    turns = {turn.id: turn for turn in await store.journal.turns(session_id)}
    # Of an open turn whose process is gone nothing more will come, though nobody has closed it yet.
    dead = await store.sessions.holder(session_id) is None
    messages = build_messages(await store.journal.rows(session_id), turns, dead=dead)
    for turn in turns.values():
        if turn.outcome is None:
            pieces = await store.journal.streamed(turn.id)
            text = "".join(piece for kind, piece in pieces if kind == "text")
            if text:
                message = {"role": "assistant", "content": text, "created_at": _iso(turn.started_at)}
                messages.append(message | ({"outcome": "interrupted"} if dead else {}))
    return messages


def build_messages(rows: Sequence[JournalRow], turns: Mapping[int, TurnRecord], *, dead: bool = False) -> list[Message]:
    """Turn journal rows into messages: tool results carry the arguments of their call.

    Args:
        rows: The visible rows of a session, in order.
        turns: Its turns by id; the last message of a turn says how the turn ended.
        dead: Whether turns without an outcome were interrupted, rather than still running.
    """
    outcomes = {turn.id: turn.outcome or ("interrupted" if dead else None) for turn in turns.values()}
    broken = {turn.id for turn in turns.values() if dead and turn.outcome is None}
    answered = {row.tool_call_id for row in rows if row.role == "tool"}
    calls: dict[str, Message] = {}
    messages: list[Message] = []
    last_of_turn: dict[int, Message] = {}
    for row in rows:
        for message in _row_messages(row, calls, answered):
            if row.outcome:
                message["outcome"] = _OUTCOMES.get(row.outcome, row.outcome)
            elif message["role"] == "tool" and row.role != "tool" and row.turn_id in broken:
                # A call without a result.
                message["outcome"] = "interrupted"
            messages.append(message)
            if row.turn_id is not None:
                last_of_turn[row.turn_id] = message
    for turn_id, message in last_of_turn.items():
        if outcome := outcomes.get(turn_id):
            message.setdefault("outcome", outcome)
    return messages


def _row_messages(row: JournalRow, calls: dict[str, Message], answered: set[str | None]) -> Iterator[Message]:
    created_at = _iso(row.created_at)
    if row.role == "tool":
        call = calls.get(row.tool_call_id or "", {})
        name, args = row.tool_name or call.get("name"), call.get("args")
        yield {"role": "tool", "name": name, "args": args, "content": row.content, "created_at": created_at}
        return
    found = list(tool_calls(row.payload)) if row.role == "assistant" else []
    # A response of thoughts alone says nothing; an empty line somebody typed was still typed.
    if row.content.strip() or row.role != "assistant":
        message = {"role": row.role, "content": row.content, "created_at": created_at}
        if row.speaker:
            message["speaker"] = row.speaker
        yield message
    for call in found:
        if call["id"] in answered:
            calls[call["id"]] = call
        else:
            yield {
                "role": "tool",
                "name": call["name"],
                "args": call["args"],
                "content": "",
                "created_at": created_at,
            }


def tool_calls(payload: str | None) -> Iterator[Message]:
    """Read the tool calls from the JSON of a model's message: id, name and arguments of each."""
    try:
        parts = json.loads(payload or "{}").get("parts", [])
    except (ValueError, AttributeError, RecursionError):
        return
    for part in parts if isinstance(parts, list) else []:
        if isinstance(part, dict) and part.get("part_kind") == "tool-call":
            args = part.get("args")
            if isinstance(args, str):
                # A model may write arguments that are no JSON; they are shown as they came.
                with suppress(ValueError, RecursionError):
                    args = json.loads(args)
            yield {"id": part.get("tool_call_id"), "name": part.get("tool_name"), "args": args}


def _iso(us: int) -> str:
    from lra.store.clock import iso

    return iso(us)


def name_of(message: Message) -> str:
    """Return who said something, as a person reads it."""
    return str(message.get("speaker") or _NAMES.get(message["role"], message["role"]))
