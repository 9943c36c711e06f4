"""The command about changes in the sandbox's copy of a folder that were not written."""

from __future__ import annotations

from typing import TYPE_CHECKING

from lra.chat.agreeing import agreed
from lra.chat.commands.registry import registry
from lra.errors import LraError, UnavailableError, UsageError

if TYPE_CHECKING:
    from lra.chat.app import Chat


@registry.command("changes")
async def changes(chat: Chat, args: str) -> None:
    """Show what is different in the sandbox's copy of the folder, and offer to write it.

    Changes you said no to are among them. It needs `lra chat --workspace PATH`.
    """
    from sandbox.client import SandboxError

    session = await chat.ready()
    bench = session.workbench
    if bench is None or bench.workspace is None:
        raise UsageError("This conversation works on no folder.", hint="Start it with lra chat --workspace PATH.")
    try:
        review = await bench.all_changes()
        for sentence in review.left if review else ():
            chat.screen.line(sentence, "warning")
        if review is None or not review.changes:
            chat.screen.line(f"The sandbox holds no changes to {bench.workspace.root}.")
            return
        chat.screen.changes(review.patch)
        if not bench.workspace.writable or chat.scripted:
            return
        many = f"these {len(review.changes)} files" if len(review.changes) > 1 else "this file"
        if not await agreed(chat, f"Write {many} to {bench.workspace.root}?"):
            return
        problems = await bench.take_back(review.changes)
        if len(problems) < len(review.changes):
            bench.note("The person has written your changes to their files since.")
    except SandboxError as error:
        raise UnavailableError(error.message) from None
    for problem in problems:
        chat.screen.line(problem, "error")
    if len(problems) == len(review.changes):
        raise LraError("Nothing was written.")
    chat.screen.line(f"Wrote {len(review.changes) - len(problems)} of {len(review.changes)} changed files.", "good")
