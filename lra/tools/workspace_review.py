"""The end of a turn that worked on a person's folder: what changed is shown, and written on a yes."""

from __future__ import annotations

import asyncio
import os
from collections.abc import Sequence
from pathlib import Path
from typing import TYPE_CHECKING

from lra.events import Notice, WorkspaceChanged
from lra.tools.workspace_changes import Change
from sandbox.client import SandboxError

if TYPE_CHECKING:
    from lra.tools.deps import AgentDeps
    from lra.tools.workbench import Workbench
    from lra.tools.workspace import Review

_MOST_SAID = 5
TOOL = "apply_changes"
"""What the question is called, for rules and for the record."""


async def review_workspace(deps: AgentDeps) -> None:
    """Show what a turn changed in the copy of a person's folder, and write it there on a yes.

    Args:
        deps: The turn's.
    """
    bench = deps.workbench
    if bench is None or bench.workspace is None:
        return
    try:
        review = await bench.review()
        if review is not None:
            await _settle(deps, bench, bench.workspace.root, review)
    except SandboxError as error:
        deps.tell(Notice(level="warning", text=f"What changed in the sandbox could not be looked at. {error.message}"))


async def _settle(deps: AgentDeps, bench: Workbench, root: Path, review: Review) -> None:
    for sentence in review.left[:_MOST_SAID]:
        deps.tell(Notice(level="warning", text=sentence))
    if len(review.left) > _MOST_SAID:
        deps.tell(Notice(level="warning", text=f"… and {len(review.left) - _MOST_SAID} more stay in the sandbox."))
    changes = review.changes
    if not changes:
        return
    lines = [each.line() for each in changes]
    deps.tell(WorkspaceChanged(root=str(root), files=lines, patch=review.patch))
    many = f"{len(changes)} files" if len(changes) > 1 else "1 file"
    consent = await deps.consent(
        f"changes-{deps.turn_id}",
        TOOL,
        {"folder": str(root), "files": lines, "patch": review.patch},
        f"It changes {many} of yours.",
        lasting=False,
    )
    if consent.approved:
        problems = await bench.take_back(changes)
        for problem in problems:
            deps.tell(Notice(level="error", text=problem))
        if done := len(changes) - len(problems):
            deps.tell(Notice(level="info", text=f"Wrote {done} of {len(changes)} changed files to {root}."))
        return
    names = ", ".join(each.path for each in changes[:_MOST_SAID])
    await bench.refuse(changes, f"The person did not take your changes to {names}: their files are as they were.")
    kept = "" if consent.by == "person" else await asyncio.to_thread(_keep, bench.home, deps, changes, review.patch)
    deps.tell(Notice(level="warning", text=f"Nothing was written to {root}; the changes stay in the sandbox.{kept}"))


def _keep(home: Path, deps: AgentDeps, changes: Sequence[Change], patch: str) -> str:
    """Keep a patch that nobody could be asked about, and say where; the sandbox may be gone before somebody can."""
    folder = home / "patches"
    path = folder / f"{deps.session_id[:80].replace(os.sep, '_')}-{deps.turn_id}.patch"
    try:
        folder.mkdir(mode=0o700, parents=True, exist_ok=True)
        with open(os.open(path, os.O_WRONLY | os.O_CREAT | os.O_EXCL, 0o600), "w", encoding="utf-8") as file:
            file.write(patch)
    except OSError:
        return ""
    whole = all(each.after is None or b"\0" not in each.after for each in changes)
    return f" They are kept as {path}{'' if whole else ', without the files that are no text'}."
