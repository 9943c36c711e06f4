"""Which conversation and which model a session starts with."""

from __future__ import annotations

import asyncio
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING, TypedDict

from lra.agent.custom import DEFAULT_NAME, CustomAgent, Definition
from lra.agent.models import choose_model, normalise
from lra.agent.names import OFFLINE
from lra.agent.providers import build_model
from lra.runtime import Runtime
from lra.session.budget import checked_price
from lra.session.recovery import drain_inbox
from lra.store import SessionRecord
from lra.store.inbox import Inbox

if TYPE_CHECKING:
    from pydantic_ai.models import Model

    from lra.tools.deps import Approver


class Wanted(TypedDict, total=False):
    """Which conversation is to be opened, and how."""

    resume: str | None
    """Id, or its beginning, of the session to continue."""
    continue_latest: bool
    """Continue the latest session of this folder, else the latest of all."""
    fork: bool
    """Continue in a copy, leaving the original as it is."""
    read_only: bool
    """Open for reading; `send` refuses."""
    model: str | None
    """Model string; by default the agent's own, else what the settings choose."""
    use_memory: bool
    """Whether memory is recalled and its tools offered; True by default."""
    approver: Approver | None
    """Who is asked for consent."""
    origin: str
    """`chat`, the default, or `library`; kept with the session."""
    session_id: str | None
    """Id for the session; created when missing, continued when it exists."""
    agent: CustomAgent | Definition | Path | str | None
    """An agent of one's own: what `create_agent` returned, or the path of its folder or file."""


@dataclass(frozen=True, slots=True)
class Opened:
    """What opening found or made."""

    record: SessionRecord
    model: Model
    model_name: str
    notices: list[str]


async def prepare(runtime: Runtime, wanted: Wanted, definition: Definition) -> Opened:
    """Choose the model, bring orphaned lines in, and find or create the conversation.

    Args:
        runtime: The process's shared parts.
        wanted: Which conversation.
        definition: The agent that is to talk in it.

    Raises:
        NotFoundError: There is no such session.
        ConfigError: The model cannot be used.
    """
    use_memory, origin = wanted.get("use_memory", True), wanted.get("origin", "chat")
    session_id, model = wanted.get("session_id"), wanted.get("model")
    settings, store = runtime.settings, runtime.store
    if use_memory:
        # Beside the model's packages, which take as long to load.
        runtime.spawn(runtime.memory.warm())
    named = settings.raw.get("LRA_MODEL")
    if model is None and not (named and named.source.kind == "flag"):
        # Who wrote the agent knows better than a setting for all, who starts it better still.
        model = definition.model
    choice = None if model else await asyncio.to_thread(choose_model, settings)
    name = choice.name if choice else normalise(model or "", settings)
    built = await asyncio.to_thread(build_model, name, settings)
    if settings.max_cost is not None:
        checked_price(built)
    notices = await drain_inbox(store, Inbox(settings.home)) if origin == "chat" else []
    record = await _find(runtime, wanted, definition.name, notices)
    if record is not None and wanted.get("fork"):
        record = await copy_session(runtime, record, None)
        notices.append(f"Going on in a copy of it, session {record.id}.")
    if record is None:
        record = await store.sessions.create(
            id=session_id, model=name, folder=str(settings.folder), origin=origin, agent=definition.name
        )
    if bool(record.private) is use_memory:
        # What is said without memory is found nowhere else.
        await store.sessions.update(record.id, private=int(not use_memory))
    if definition.name != DEFAULT_NAME:
        notices.append(f"Talking with {definition.name}{f', from {definition.folder}' if definition.folder else ''}.")
    if name == OFFLINE:
        why = f", since {choice.reason}" if choice and settings.model is None else ""
        notices.append(
            f"Using the built-in offline model{why}. It follows rules and is no language model; ask it for help."
        )
    elif choice is not None and settings.model is None:
        notices.append(f"Using {name}, since {choice.reason}.")
    return Opened(record, built, name, notices)


async def _find(runtime: Runtime, wanted: Wanted, agent: str, notices: list[str]) -> SessionRecord | None:
    sessions, resume = runtime.store.sessions, wanted.get("resume")
    if resume is not None:
        return await sessions.resolve(resume)
    if not wanted.get("continue_latest"):
        return None
    folder = str(runtime.settings.folder)
    if record := await sessions.latest(folder, agent=agent):
        notices.append(f"Continuing session {record.id} ({record.title or 'untitled'}).")
        return record
    if record := await sessions.latest(agent=agent):
        notices.append(
            f"Nothing to continue in this folder; continuing session {record.id}"
            f" ({record.title or 'untitled'}) from {record.folder or 'elsewhere'}."
        )
        return record
    notices.append("There is no earlier session; this is a new one.")
    return None


async def copy_session(runtime: Runtime, record: SessionRecord, until: int | None) -> SessionRecord:
    """Return a new session that starts with a copy of another's turns.

    Args:
        runtime: The process's shared parts.
        record: What to copy.
        until: Last turn to copy; all by default.
    """
    store = runtime.store
    copy = await store.sessions.create(
        model=record.model,
        folder=str(runtime.settings.folder),
        agent=record.agent,
        parent_id=record.id,
        title=f"{record.title or record.id} (fork)",
    )
    await store.journal.copy(record.id, copy.id, until=until)
    return await store.sessions.get(copy.id)
