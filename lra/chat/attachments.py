"""Turning `@words` of a message into what goes along with it."""

from __future__ import annotations

import asyncio
import re
from collections.abc import Collection
from dataclasses import dataclass, field
from pathlib import Path
from typing import TYPE_CHECKING

from lra.chat.attached_files import File, is_like_a_file, leads_out, read
from lra.chat.width import clip
from lra.errors import NotFoundError, UsageError
from lra.session.attachments import Attachment

if TYPE_CHECKING:
    from lra.session import Session

WORD = re.compile(r"""(?:(?<=[\s(\[{'"“«])|^)@(?:"([^"\n]+)"|([^\s"@][^\s"]*))""", re.MULTILINE)
"""An `@word` at the beginning of a word, so that an address is none; a path with spaces stands in quotes."""
_TRAILING = ".,;:!?)]}'”»"
_SESSION_CHARS = 50_000
_LONG_LINES = 10


@dataclass(frozen=True, slots=True)
class Message:
    """A message and what goes along with it."""

    text: str
    """As it was written; the words stay in it."""
    attachments: list[Attachment] = field(default_factory=list)
    notes: list[str] = field(default_factory=list)
    """Sentences for the person: what was cut or left out."""


async def resolve(text: str, *, cwd: Path, session: Session, completed: Collection[str] = ()) -> Message:
    """Find what the `@words` of a message name and read it.

    Files and folders are meant relative to `cwd`; `@memory:ID` and `@session:ID` are kept memories and conversations.
    A word that names nothing stays a word.

    Args:
        text: The message.
        cwd: The working directory.
        session: Says what its model takes, and where memories and conversations are.
        completed: Words that completion offered; one of these that names nothing any more is told.

    Raises:
        UsageError: The model does not take an image or document; nothing was sent.
    """
    message = Message(text)
    seen: set[str] = set()
    # A long text may be somebody else's, pasted: it must not fetch files from all over the machine.
    pasted = text.count("\n") >= _LONG_LINES
    for match in WORD.finditer(text):
        word = match[1] or match[2]
        if word in seen:
            continue
        seen.add(word)
        if word.startswith("memory:"):
            await _add_memory(message, word, session)
        elif word.startswith("session:"):
            await _add_session(message, word, session)
        elif found := await asyncio.to_thread(_read_first, cwd, word, quoted=bool(match[1]), near=pasted):
            await _add_file(message, found, session)
        elif gone := next((name for name in _names(word) if name in completed), ""):
            message.notes.append(f"@{clip(gone, 100)} is gone; the word is sent as it stands.")
        elif not pasted and await asyncio.to_thread(is_like_a_file, cwd, name := word.rstrip(_TRAILING)):
            message.notes.append(f"There is no file {clip(name, 100)!r}. The word is sent as it stands.")
    return message


def _read_first(cwd: Path, word: str, *, quoted: bool, near: bool) -> File | None:
    """Read what a word names, with or without the punctuation behind it; with `near`, only in the folder."""
    for name in [word] if quoted else _names(word):
        if near and leads_out(cwd, name):
            return File(None, f"{clip(name, 100)} leads out of this folder, and was left out of so long a text.")
        if (found := read(cwd, name)) is not None:
            return found
    return None


def _names(word: str) -> list[str]:
    names = [word]
    while names[-1] and names[-1][-1] in _TRAILING:
        names.append(names[-1][:-1])
    return [name for name in names if name]


async def _add_file(message: Message, found: File, session: Session) -> None:
    if found.attachment is not None:
        if found.attachment.name in {attachment.name for attachment in message.attachments}:
            return
        if found.attachment.data is not None:
            await _check_taken(found.attachment, session)
        message.attachments.append(found.attachment)
    if found.note:
        message.notes.append(found.note)


async def _check_taken(attachment: Attachment, session: Session) -> None:
    """Check that the model takes a file as it is.

    Raises:
        UsageError: It does not.
    """
    if await asyncio.to_thread(_takes, session, attachment.media_type):
        return
    model = "The offline model" if session.model_name == "offline" else session.model_name
    kind = "images" if attachment.media_type.startswith("image/") else "documents"
    raise UsageError(
        f"{model} takes no {kind}, so {clip(attachment.name, 100)} cannot go along. Nothing was sent.",
        hint="Take the word out, or choose another model with /model.",
    )


def _takes(session: Session, media_type: str) -> bool:
    from lra.agent.names import OFFLINE
    from lra.agent.providers import build_model

    if session.model_name == OFFLINE:
        return False
    profile = build_model(session.model_name, session.runtime.settings).profile
    if media_type.startswith("image/"):
        return bool(profile.get("supports_image_input", True))
    types = profile.get("supported_document_media_types")
    return bool(profile.get("supports_document_input", True)) and (types is None or media_type in types)


async def _add_memory(message: Message, word: str, session: Session) -> None:
    name = word.removeprefix("memory:").rstrip(_TRAILING)
    try:
        record = await session.runtime.memory.get(name)
    except NotFoundError as error:
        message.notes.append(f"{error.message} The word is sent as it stands.")
        return
    shape = record.to_dict()
    text = f"Memory {record.id} ({record.kind}, {shape['created_at'][:10]}): {record.content}"
    # Its words are in one place less to be forgotten in.
    message.attachments.append(Attachment(f"memory:{record.id}", "text/plain", text=text, label="a memory"))


async def _add_session(message: Message, word: str, session: Session) -> None:
    store, name = session.runtime.store, word.removeprefix("session:").rstrip(_TRAILING)
    try:
        record = await store.sessions.resolve(name)
    except NotFoundError as error:
        message.notes.append(f"{error.message} The word is sent as it stands.")
        return
    rows = await store.journal.rows(record.id)
    said = [
        f"{row.speaker or {'user': 'Person', 'assistant': 'Assistant'}[row.role]}: {row.content}"
        for row in rows
        if row.role in {"user", "assistant"} and row.content.strip()
    ]
    text = "\n\n".join(said)
    if len(text) > _SESSION_CHARS:
        text = "[earlier lines left out]\n" + text[-_SESSION_CHARS:]
        message.notes.append(f"Of session {record.id} only the last {_SESSION_CHARS:,} characters go along.")
    text = f"Conversation {record.id}, “{record.title or 'untitled'}”:\n\n{text}"
    label = f"“{record.title}”" if record.title else "an untitled conversation"
    message.attachments.append(Attachment(f"session:{record.id}", "text/plain", text=text, label=label))
