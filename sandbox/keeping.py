"""Keeping a machine in order: building ahead, and clearing away what nobody uses any more."""

from __future__ import annotations

import asyncio
import contextlib
from collections.abc import Callable, Mapping
from dataclasses import dataclass, field
from typing import Any

from sandbox import records
from sandbox.errors import InvalidError, SandboxError
from sandbox.providers.registry import choose, installed, load, names

Progress = Callable[[str], None]


@dataclass(slots=True)
class Pruned:
    """What was cleared away."""

    sandboxes: list[str] = field(default_factory=list)
    """Whose owner had ended."""
    images: list[str] = field(default_factory=list)
    """Which are built again when they are needed."""
    problems: list[str] = field(default_factory=list)
    """Why a provider could not be looked through."""


async def prune(*, images: bool) -> Pruned:
    """End sandboxes whose owner has ended, and remove what they left.

    Args:
        images: Whether to remove cached images too.
    """
    done = Pruned()
    here = await asyncio.to_thread(lambda: list(records.everything()))
    for record in here:
        if not record.owned:
            await _end(record, done)
    known = [record.id for record in here if record.owned]
    for name in [*names(), *await asyncio.to_thread(installed)]:
        try:
            provider = await asyncio.to_thread(load, name)
            # One that does not work here has left nothing.
            if await provider.check() is None:
                done.sandboxes += await provider.reap(known)
                clear = getattr(provider, "prune", None) if images else None
                if clear is not None:
                    done.images += await clear()
        except SandboxError as error:
            done.problems.append(f"{name}: {error.message}")
    return done


async def images() -> list[dict[str, Any]]:
    """Return the cached images with packages of every provider that works here."""
    found: list[dict[str, Any]] = []
    for name in [*names(), *await asyncio.to_thread(installed)]:
        with contextlib.suppress(SandboxError):
            provider = await asyncio.to_thread(load, name)
            cached = getattr(provider, "cached", None)
            if cached is not None and await provider.check() is None:
                found += [{"provider": name, **each} for each in await cached()]
    return found


async def build(provider: str, packages: Mapping[str, tuple[str, ...]], progress: Progress) -> str:
    """Build what sandboxes with some packages are started from, so that the first one need not wait.

    Args:
        provider: Name of a provider, or `auto`.
        packages: Names by package manager.
        progress: Told what is done, line by line.

    Raises:
        SandboxError: It cannot be built.
    """
    chosen = await choose(provider)
    make = getattr(chosen, "build", None)
    if make is None:
        raise InvalidError(f"The {chosen.name} provider builds nothing: its sandboxes need no image.")
    if hasattr(chosen, "progress"):
        chosen.progress = progress
    return str(await make(packages))


async def _end(record: records.Record, done: Pruned) -> None:
    try:
        box = await (await asyncio.to_thread(load, record.provider)).find(record.state)
        if box is not None:
            await box.kill()
            done.sandboxes.append(record.id)
    except SandboxError as error:
        done.problems.append(f"{record.id}: {error.message}")
        return
    await asyncio.to_thread(records.remove, record.id)


async def logs_here(sandbox_id: str) -> str | None:
    """Return the last of what a guest of this machine said; None when there is no such sandbox.

    Args:
        sandbox_id: Which.
    """
    record = await asyncio.to_thread(records.read, sandbox_id)
    if record is None:
        return None
    box = await (await asyncio.to_thread(load, record.provider)).find(record.state)
    return None if box is None else await box.logs()
