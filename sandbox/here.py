"""Sandboxes of this machine, whichever process they belong to."""

from __future__ import annotations

import asyncio
from typing import Any

from sandbox import records
from sandbox.errors import SandboxError
from sandbox.providers.registry import load


async def list_here() -> list[dict[str, Any]]:
    """Return what is written down and still runs, oldest first; what waits to be claimed is not among it."""
    found = []
    for record in await asyncio.to_thread(lambda: [each for each in records.everything() if not each.pooled]):
        try:
            box = await load(record.provider).find(record.state)
        except SandboxError:
            continue
        if box is not None:
            found.append(
                {
                    "id": record.id,
                    "provider": record.provider,
                    "language": record.spec["language"],
                    "created_at": record.created,
                    "owner": record.owner if record.owned else None,
                    "metadata": record.spec["metadata"],
                }
            )
        elif not record.owned:
            await asyncio.to_thread(records.remove, record.id)
    return sorted(found, key=lambda each: float(str(each["created_at"])))


async def stop_here(sandbox_id: str) -> bool:
    """End one; return whether there was one.

    Args:
        sandbox_id: Which.
    """
    for record in await asyncio.to_thread(lambda: list(records.everything())):
        if record.id == sandbox_id:
            box = await load(record.provider).find(record.state)
            if box is not None:
                await box.kill()
            await asyncio.to_thread(records.remove, record.id)
            return box is not None
    return False
