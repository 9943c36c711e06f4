"""The end of a turn that worked on a person's folder: what changed is shown, and written on a yes."""

from __future__ import annotations

import asyncio
import os
from collections.abc import Sequence
from pathlib import Path
from typing import TYPE_CHECKING

from lra.events import Notice, WorkspaceChanged
from lra.text import one_line
from lra.tools.consent import CHANGES
from lra.tools.workspace_changes import Change
from sandbox.client import SandboxError

if TYPE_CHECKING:
    from lra.tools.consent import Consent
    from lra.tools.deps import AgentDeps
    from lra.tools.workbench import Workbench
    from lra.tools.workspace import Review

_MOST_SAID = 5
_MOST_ASKED = 3
"""How often it is asked again where an answer changed what cannot be changed."""


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
    consent, taken = await _agreed(deps, root, review)
    if taken:
        problems = await bench.take_back(taken)
        for problem in problems:
            deps.tell(Notice(level="error", text=problem))
        if done := len(taken) - len(problems):
            out = ", ".join(each.path for each in changes if each not in taken)
            left_out = (
                f" {one_line(out, 120)} stays in the sandbox: /changes in the chat offers it again." if out else ""
            )
            text = f"Wrote {done} of {len(changes)} changed files to {root}.{left_out}"
            deps.tell(Notice(level="info", text=text))
    left = [each for each in changes if each not in taken]
    if not left:
        return
    names = ", ".join(each.path for each in left[:_MOST_SAID])
    why = f" The reason: {consent.reason}" if consent.reason and not consent.approved else ""
    await bench.refuse(left, f"The person did not take your changes to {names}: their files are as they were.{why}")
    kept = "" if consent.by == "person" else await asyncio.to_thread(_keep, bench.home, deps, changes, review.patch)
    if not taken:
        again = "" if kept else ", and /changes in the chat offers them again"
        nothing = f"Nothing was written to {root}; the changes stay in the sandbox{again}.{kept}"
        deps.tell(Notice(level="warning", text=nothing))


async def _agreed(deps: AgentDeps, root: Path, review: Review) -> tuple[Consent, list[Change]]:
    """Ask which changes may be written; returns the answer, and them."""
    changes = review.changes
    lines = {each.line(): each for each in changes}
    several = len(changes) > 1
    args = {"folder": str(root), "files": list(lines), "patch": review.patch}
    gone = [each.path for each in changes if each.after is None]
    deleted = f" It deletes {one_line(', '.join(gone), 200)}." if gone else ""
    reason = f"It changes {f'{len(changes)} files' if several else '1 file'} of yours.{deleted}"
    if several:
        reason += " Edited, it leaves out what is taken out of files."
    for _ in range(_MOST_ASKED):
        consent = await deps.consent(f"changes-{deps.turn_id}", CHANGES, args, reason, lasting=False)
        if not consent.approved:
            return consent, []
        files = consent.args.get("files", ())
        if {**consent.args, "files": args["files"]} == args and _all_of(files, lines):
            return consent, [lines[line] for line in lines if line in files]
        deps.consented.pop(f"changes-{deps.turn_id}", None)
        text = "Only whole files can be left out of the changes, by taking them out of files; nothing was written yet."
        deps.tell(Notice(level="warning", text=text))
    return consent, []


def _all_of(files: object, lines: dict[str, Change]) -> bool:
    return isinstance(files, list) and all(isinstance(line, str) and line in lines for line in files)


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
