"""A person's message: what the model is given of it, and how it gets on disk."""

from __future__ import annotations

import asyncio
import re
from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import PurePath

from pydantic_ai.messages import BinaryContent, UserContent

from lra.agent.enclosed import enclose
from lra.agent.summary import title_of
from lra.errors import BusyError
from lra.memory.secrets import repeatable
from lra.session.attachments import Attachment
from lra.session.history import Prompt, user_entry
from lra.session.recovery import settle_held
from lra.store import SessionRecord, StructuredMemoryStore, TurnRecord
from lra.store.inbox import Inbox
from lra.text import clean_text

_WORD = re.compile(r"""(?<!\w)@(?:"([^"\n]+)"|([^\s"]+))""")
_OPENING = 2_000
"""Characters of a message in which its title is looked for."""
_TRAILING = ".,;:!?)]}'”»"


@dataclass(frozen=True, slots=True)
class Message:
    """One message, ready to be sent."""

    text: str
    """What the person wrote."""
    prompt: Prompt
    """What the model is given: the text, and what is attached behind it."""
    shown: str
    """What the journal shows and search finds: the text and the names of what is attached."""
    opening: str
    """How it begins, in words for what is attached."""

    @property
    def title(self) -> str:
        """What a conversation is called that begins with it; takes a moment where it may hold a secret."""
        return clean_text(title_of(repeatable(self.opening))).strip()


def compose(text: str, attachments: Sequence[Attachment] = ()) -> Message:
    """Put a message together.

    Args:
        text: What the person wrote.
        attachments: What goes along with it.
    """
    opening = _readable(text, attachments)[:_OPENING]
    if not attachments:
        return Message(text, text, text, opening)
    contents: list[UserContent] = [text]
    for attachment in attachments:
        if attachment.data is not None:
            # Not every provider's interface has a place for a file's name.
            contents.append(f"{clean_text(attachment.name)}:")
            contents.append(BinaryContent(attachment.data, media_type=attachment.media_type))
        else:
            contents.append(enclose(clean_text(attachment.name), clean_text(attachment.text or "")))
    names = ", ".join(attachment.name for attachment in attachments)
    return Message(text, contents, f"{text}\n\n[attached: {clean_text(names)}]", opening)


def _readable(text: str, attachments: Sequence[Attachment]) -> str:
    """Return a message with words for what is attached where it names it; ids that it begins with are left out."""

    def named(word: str) -> Attachment | None:
        # An id may be cut short.
        short = ":" in word
        return next((each for each in attachments if each.name == word or (short and each.name.startswith(word))), None)

    def replaced(match: re.Match[str]) -> str:
        word = match[1] or match[2]
        core = word if match[1] else word.rstrip(_TRAILING)
        one = named(core)
        return (one.label or PurePath(one.name).name) + word[len(core) :] if one else match[0]

    bare = text.lstrip()
    while (first := _WORD.match(bare)) and (one := named((first[1] or first[2]).rstrip(_TRAILING))) and one.label:
        bare = bare[first.end() :].lstrip()
    return _WORD.sub(replaced, bare or text)


async def begin(
    store: StructuredMemoryStore,
    held: Inbox,
    session: SessionRecord,
    message: Message,
    *,
    model_name: str,
    inbox_id: str | None,
) -> TurnRecord:
    """Put a message on disk, in the journal or, when that is locked, in the inbox.

    Args:
        store: The record.
        held: Messages that came while the record was locked; they go first.
        session: Whose message it is.
        message: The message.
        model_name: Who is to answer.
        inbox_id: Set when the text already waits in an inbox.

    Raises:
        BusyError: The record is locked; the message is kept.
    """
    try:
        await settle_held(store, held, session.id)
        title = "" if session.title else await asyncio.to_thread(lambda: message.title)
        entry = user_entry(message.shown, prompt=message.prompt)
        return await store.journal.begin_turn(session.id, entry, model=model_name, title=title)
    except BusyError as error:
        if inbox_id is None:
            try:
                await asyncio.to_thread(held.put, message.text, session.id)
            except OSError:
                raise error from None
        raise BusyError(
            f"{error.message} Your message is kept and will be in this session.", hint=error.hint
        ) from error
