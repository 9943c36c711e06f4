"""A conversation as a document: Markdown, JSON, or one HTML page."""

from __future__ import annotations

import asyncio
import json
from collections.abc import Sequence
from typing import TYPE_CHECKING, Literal, get_args

from lra.errors import UsageError
from lra.session.headings import below
from lra.session.transcript import Message, name_of, read_messages
from lra.store.clock import iso
from lra.text import clean_text, printable

if TYPE_CHECKING:
    from lra.store import SessionRecord, StructuredMemoryStore

ExportFormat = Literal["md", "json", "html"]
FORMATS: tuple[ExportFormat, ...] = get_args(ExportFormat)


async def export_session(store: StructuredMemoryStore, session_id: str, kind: str) -> str:
    """Return a session as a document that ends with a line break.

    Args:
        store: The record.
        session_id: Which session.
        kind: `md`, `json` or `html`.

    Raises:
        UsageError: There is no such format.
        NotFoundError: There is no such session.
    """
    if kind not in FORMATS:
        raise UsageError(f"{kind!r} is no format to export to.", hint=f"Use one of {', '.join(FORMATS)}.")
    session = await store.sessions.get(session_id)
    messages = await read_messages(store, session.id)
    # A long conversation takes a while to write.
    return await asyncio.to_thread(_document, session, messages, kind)


def _document(session: SessionRecord, messages: Sequence[Message], kind: str) -> str:
    if kind == "json":
        return to_json(session, messages)
    if kind == "html":
        from lra.session.html_page import to_html

        return to_html(session, messages)
    return to_markdown(session, messages)


def shape(session: SessionRecord, messages: Sequence[Message]) -> dict[str, object]:
    """Return the JSON shape of a conversation."""
    return {"id": session.id, "title": session.title, "messages": list(messages)}


def to_json(session: SessionRecord, messages: Sequence[Message]) -> str:
    """Return a conversation as JSON."""
    return clean_text(json.dumps(shape(session, messages), ensure_ascii=False, indent=2)) + "\n"


def to_markdown(session: SessionRecord, messages: Sequence[Message]) -> str:
    """Return a conversation as Markdown."""
    parts = [f"# {session.title or session.id}", f"Session {session.id}, started {iso(session.created_at)[:10]}."]
    for message in messages:
        if message["role"] == "tool":
            args = json.dumps(message["args"], ensure_ascii=False)
            body = "\n\n".join(_fenced(text) for text in (args, message["content"]) if text)
            parts.append(f"## Tool: {message['name']}\n\n{body}")
        else:
            note = "" if message.get("outcome") in {None, "completed"} else f"\n\n*({message['outcome']})*"
            # What was said has headings of its own, which belong below that of who said it.
            parts.append(f"## {name_of(message)}\n\n{below(message['content'], 2)}{note}")
    return printable("\n\n".join(parts)) + "\n"


def _fenced(text: str) -> str:
    fence = "```"
    while fence in text:
        fence += "`"
    return f"{fence}\n{text}\n{fence}"
