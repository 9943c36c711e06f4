"""`lra memory`: the indexes and the state of what is remembered."""

from __future__ import annotations

from typing import TYPE_CHECKING, Annotated, Any

import typer

from lra.cli import notices, output
from lra.cli.options import Json, Yes, confirm
from lra.cli.progress import drawn
from lra.cli.work import with_memory
from lra.errors import BusyError, ExitCode

if TYPE_CHECKING:
    from lra.memory import Memory


Outcome = tuple[bool, str, bool]
"""Whether everything is indexed, why there is no embedder (empty when there is one), and whether one is wanted."""
_AGAIN = "`lra memory index` tries again."


def _unseen(_name: str, _done: int, _whole: int) -> None:
    """Draw nothing: nobody would see it."""


def index() -> None:
    """Bring the vector index up to date now, instead of during the next conversation."""

    async def work(memory: Memory) -> Outcome:
        care = memory.care()
        with drawn() as draw:
            done = await care.embed(draw or _unseen)
        return done, *await care.lack()

    _tell(with_memory(work), vectors=True)


def _tell(outcome: Outcome, *, vectors: bool) -> None:
    """Print how complete the index is.

    Args:
        outcome: What was done.
        vectors: Whether vectors were what was asked for; words are found without them.

    Raises:
        BusyError: It is not.
    """
    done, lacking, wanted = outcome
    if lacking and wanted:
        told = f"The index of words is complete, that of vectors is not. {lacking}"
        if vectors:
            raise BusyError(told, hint=_AGAIN)
        output.write(f"{told} {_AGAIN}")
        return
    if lacking:
        output.write(f"The index is complete. {lacking}")
        return
    if not done:
        raise BusyError("The index is not complete.", hint="`lra memory doctor` says what is missing.")
    output.write("The index is complete.")


def reindex(
    embed: Annotated[bool, typer.Option("--embed", help="Also compute every vector again.")] = False,
    yes: Yes = False,
) -> None:
    """Make the indexes anew from the record; search goes on meanwhile, and an interrupted run continues."""
    if embed:
        confirm("Compute every vector again? Until that is done, search by meaning finds only a part.", yes)

    async def work(memory: Memory) -> Outcome:
        care = memory.care()
        with drawn() as draw:
            done = await care.reindex(draw or _unseen, fresh=embed)
        return done, *await care.lack()

    _tell(with_memory(work), vectors=embed)


def doctor(
    fix: Annotated[bool, typer.Option("--fix", help="Mend what can be mended without asking.")] = False,
    as_json: Json = False,
) -> None:
    """Look for drift, junk, duplicates, stale memories and secrets; ends with 1 when something was found."""

    async def work(memory: Memory) -> tuple[list[dict[str, Any]], list[dict[str, Any]]]:
        from lra.memory import audit

        care = memory.care()
        mended: list[dict[str, Any]] = []
        if fix:
            with drawn() as draw:
                mended = [done.to_dict() for done in await care.mend(draw or _unseen)]
        found = [finding.to_dict() for finding in await audit.examine(memory.store)]
        return mended, found + [finding.to_dict() for finding in await care.examine()]

    mended, found = with_memory(work)
    sound = not any(finding["count"] for finding in found)
    if as_json:
        output.write_json({"ok": sound, "fixed": mended, "findings": found})
    else:
        for done in mended:
            notices.say(f"{done['name']}: {done['count']} {done['what']}.")
        _write(found)
    if not sound:
        raise typer.Exit(ExitCode.FAILED)


def _write(found: list[dict[str, Any]]) -> None:
    width = max(len(finding["name"]) for finding in found)
    for finding in found:
        # Without a count, what was looked at is sound, or tells how things stand.
        counted = "count" in finding and (finding["count"] or "ids" in finding)
        mark = "warn" if finding["count"] else "ok"
        told = f"{finding['count']} {finding['what']}" if counted else finding["what"]
        output.write(f"{mark:4}  {finding['name']:{width}}  {told}")
        for example in finding["examples"] if finding["count"] else ():
            output.write(f"{'':{width + 8}}{example}")
        if finding["fix"]:
            output.write(f"{'':{width + 8}}Fix: {finding['fix']}")
