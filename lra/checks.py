"""What `lra doctor` looks at: one function for each part, each quick and without a network that may be missing."""

from __future__ import annotations

import asyncio
import os
import sqlite3
from collections.abc import Callable
from dataclasses import asdict, dataclass
from pathlib import Path
from typing import TYPE_CHECKING, Any, Literal

from lra.errors import LraError
from lra.store.room import LITTLE, free, full_disk
from lra.text import file_size, one_line

if TYPE_CHECKING:
    from lra.config import Settings

_TIGHT = 50_000_000
"""Bytes free below which it is said; a conversation writes far less, an import or a backup may not."""

Status = Literal["ok", "warn", "fail"]


@dataclass(frozen=True, slots=True)
class Check:
    """The state of one part, and what to do about it."""

    name: str
    status: Status
    detail: str
    fix: str = ""

    def to_dict(self) -> dict[str, Any]:
        """Return the JSON form."""
        return asdict(self)


@dataclass(frozen=True, slots=True)
class Conversation:
    """The conversation that looks after itself."""

    model: str
    """Who answers in it."""


def check_all(settings: Settings, conversation: Conversation | None = None) -> list[Check]:
    """Look at everything, settings first; a check that breaks is itself a failure, not the end of the others.

    Args:
        settings: What is configured.
        conversation: The one in which this is asked for, if any.
    """
    checks: list[tuple[str, Callable[[Settings], Check]]] = [
        ("folders", check_folders),
        ("model", lambda settings: check_model(settings, conversation)),
        ("database", check_database),
        ("embedding", lambda settings: check_embedding(settings, conversation)),
        ("index", lambda settings: check_index(settings, conversation)),
        ("sandbox", check_sandbox),
    ]
    results = [Check("settings", "warn", sentence) for sentence in settings.notices]
    results = results or [Check("settings", "ok", "Every setting is readable.")]
    for name, check in checks:
        try:
            results.append(check(settings))
        except LraError as error:
            results.append(Check(name, "fail", error.message, error.hint or ""))
        except Exception as error:
            what = one_line(f"{type(error).__name__}: {error}", 200)
            results.append(Check(name, "fail", f"This check broke: {what}.", "This is a defect in lra."))
    return results


def check_folders(settings: Settings) -> Check:
    """Look at the data folder: it must be writable and should be private."""
    home = settings.home
    existing = home
    while not existing.exists() and existing != existing.parent:
        existing = existing.parent
    if not existing.is_dir() or not os.access(existing, os.W_OK | os.X_OK):
        return Check("folders", "fail", f"{existing} is not writable.", "Set LRA_HOME to a folder of yours.")
    left = free(home)
    room = "" if left is None else f", {file_size(left)} free"
    if left is not None and left < LITTLE:
        full = full_disk(home)
        return Check("folders", "fail", full.message, full.hint or "")
    if left is not None and left < _TIGHT:
        return Check(
            "folders", "warn", f"The disk that holds {existing} is nearly full{room}.", "Free some space on it."
        )
    if not home.exists():
        return Check("folders", "ok", f"{home} will be created on first use{room}.")
    if home.stat().st_mode & 0o077:
        return Check("folders", "warn", f"Others on this machine can enter {home}.", f"Run `chmod 700 {home}`.")
    return Check("folders", "ok", f"{home} is private and writable{room}.")


def check_model(settings: Settings, conversation: Conversation | None = None) -> Check:
    """Resolve the model without asking it anything; in a conversation, the one that answers there."""
    from lra.agent.models import describe_choice

    found = describe_choice(settings)
    if conversation is not None and conversation.model and conversation.model != found.name:
        if not found.ok:
            detail = f"{conversation.model} answers in this conversation; for new ones, {found.reason}"
            return Check("model", "warn", detail, found.fix)
        detail = f"{conversation.model} answers in this conversation, {found.name} in new ones ({found.reason})."
        return Check("model", "ok", detail)
    if not found.ok:
        return Check("model", "fail", found.reason, found.fix)
    status: Status = "warn" if found.name == "offline" and found.fix and settings.model is None else "ok"
    return Check("model", status, f"{found.name} ({found.reason}).", found.fix if status == "warn" else "")


def _database_path(settings: Settings) -> Path:
    return Path(settings.database_url.partition(":///")[2])


def check_database(settings: Settings) -> Check:
    """Open the record and have SQLite look through it."""
    path = _database_path(settings)
    if not path.exists():
        return Check("database", "ok", f"{path} will be created on first use.")

    async def look() -> str | None:
        from lra.store.database import Database

        database = Database(settings.database_url, busy_seconds=2)
        try:
            await database.open()
            return await database.check()
        finally:
            await database.close()

    if complaint := asyncio.run(look()):
        backups = sorted(path.parent.glob(f"{path.name}.backup-*"))
        advice = f"restore {backups[-1]}" if backups else "restore a copy of yours"
        return Check("database", "fail", f"{path} is damaged: {one_line(complaint, 200)}.", f"Stop lra and {advice}.")
    from lra.store.migrate import HEAD

    size = path.stat().st_size / 1_000_000
    return Check("database", "ok", f"{path} is sound (schema {HEAD}, {size:.1f} MB, SQLite {sqlite3.sqlite_version}).")


def check_embedding(settings: Settings, conversation: Conversation | None = None) -> Check:
    """Look for the embedding model."""
    from lra.memory.embedding.choose import choose_embedder

    choice = choose_embedder(settings)
    if choice.needs_download:
        when = "beside this conversation" if conversation else "during the next `lra chat`"
        fix = f"It is fetched {when}, or now by `lra memory index`."
        return Check("embedding", "warn", choice.reason, fix)
    return Check("embedding", "ok", choice.reason)


def check_index(settings: Settings, conversation: Conversation | None = None) -> Check:
    """Ask memory how far its index is."""
    if not _database_path(settings).exists():
        return Check("index", "ok", "There is nothing to index yet.")

    async def look() -> tuple[str, int]:
        from lra.runtime import Runtime

        runtime = await Runtime.open(settings)
        try:
            status = await runtime.memory.status()
        finally:
            await runtime.close()
        return (
            f"{status.memories:,} in memory, with summaries; {status.indexed:,} texts with vectors",
            status.pending,
        )

    counts, pending = asyncio.run(look())
    if pending and settings.embedding.lower() != "none":
        when = (
            "beside this conversation" if conversation else "during the next `lra chat`, or now by `lra memory index`"
        )
        fix = f"They are indexed {when}; search finds them by words."
        waits = "1 change waits" if pending == 1 else f"{pending} changes wait"
        return Check("index", "warn", f"{counts}, {waits}.", fix)
    return Check("index", "ok", f"{counts}, nothing waits.")


def check_sandbox(settings: Settings) -> Check:
    """Look where code would run: in a service that answers, else in sandboxes of this machine."""
    from sandbox.client import connect, probe

    found = probe(settings.sandbox_url, settings.sandbox_api_key, timeout=1.0)
    if found.refused:
        return Check("sandbox", "warn", found.detail, "Set SANDBOX_API_KEY to the service's key.")
    if found.is_sandbox:
        return Check("sandbox", "ok", found.detail)

    async def here() -> dict[str, Any]:
        client = await connect()
        try:
            return await client.health()
        finally:
            await client.close()

    health = asyncio.run(here())
    if health["ready"]:
        return Check("sandbox", "ok", f"Code runs in sandboxes of this machine ({health['provider']}).")
    fix = "Start Docker, or a sandbox service at SANDBOX_URL; chat works without."
    return Check("sandbox", "warn", str(health["problem"]), fix)
