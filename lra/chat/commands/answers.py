"""Commands about what was answered: whole tool results, copying, writing to a file."""

from __future__ import annotations

import asyncio
import json
import os
import re
from contextlib import suppress
from pathlib import Path
from typing import TYPE_CHECKING

from lra.chat.agreeing import agreed
from lra.chat.clipboard import osc52, through_program
from lra.chat.commands.registry import number_in, registry
from lra.chat.gist import whole
from lra.chat.table import counted
from lra.chat.theme import Theme
from lra.chat.width import clip
from lra.errors import LraError, UsageError

if TYPE_CHECKING:
    from lra.chat.app import Chat
    from lra.session import Session
    from lra.store.records import JournalRow

_FORMATS = {"md": "md", "markdown": "md", "json": "json", "html": "html"}


@registry.command("expand", "[N]", during_turn=True)
async def expand(chat: Chat, args: str) -> None:
    """Show the last tool result whole; with a number, the N-th of this conversation."""
    session = await chat.ready()
    rows = await session.runtime.store.journal.rows(session.id)
    results = [row for row in rows if row.role == "tool"]
    if not results:
        chat.screen.line("No tool has been used in this conversation yet.")
        return
    number = _number(args, "result", len(results)) if args else len(results)
    row = results[number - 1]
    arguments = _arguments(rows).get(row.tool_call_id or "", "")
    outcome = "" if row.outcome in {None, "success"} else f" ({row.outcome})"
    chat.screen.line(f"⚙ {row.tool_name}{outcome}, result {number} of {len(results)}", "tool")
    for line in arguments.splitlines():
        chat.screen.line(f"  {line}", "dim")
    for line in whole(row.content) or ["(empty)"]:
        chat.screen.line(line)


def _number(args: str, what: str, most: int) -> int:
    number = number_in(args)
    if number is None or not 1 <= number <= most:
        there = f"there is only {what} 1" if most == 1 else f"there are {what}s 1 to {most}"
        raise UsageError(f"{clip(args, 40)!r} is no number of a {what}: {there}.")
    return number


def _arguments(rows: list[JournalRow]) -> dict[str, str]:
    """Return the arguments of every tool call as lines to show, by the call's id."""
    found: dict[str, str] = {}
    for row in rows:
        if row.role != "assistant" or not row.payload:
            continue
        with suppress(ValueError, AttributeError, TypeError):
            for part in json.loads(row.payload).get("parts", []):
                if part.get("part_kind") == "tool-call":
                    args = part.get("args")
                    args = json.loads(args) if isinstance(args, str) else args
                    text = json.dumps(args, ensure_ascii=False, indent=2) if args else ""
                    found[str(part.get("tool_call_id"))] = text
    return found


@registry.command("copy", "[N]", during_turn=True)
async def copy(chat: Chat, args: str) -> None:
    """Copy the last answer as it was written; with a number, its N-th code block."""
    # The numbers that are seen last are those of an answer that is being written.
    blocks, goes_on = (chat.screen.blocks, chat.screen.in_block) if args else ([], False)
    answer, what = "", "the answer"
    if not blocks:
        answer = await _last_answer(await chat.ready())
        if not answer:
            raise UsageError("There is no answer to copy yet.")
    if args:
        blocks = blocks or await asyncio.to_thread(code_blocks, answer)
        if not blocks:
            raise UsageError("The last answer has no code block.", hint="/copy takes all of it.")
        number = _number(args, "block", len(blocks))
        rest = " as far as it is written" if goes_on and number == len(blocks) else ""
        answer, what = blocks[number - 1], f"block {number}{rest}"
        if rest and not answer:
            raise UsageError(f"Block {number} has no whole line yet.", hint="Ask again in a moment.")
    await _copy(chat, answer, what)


async def _copy(chat: Chat, text: str, what: str) -> None:
    ways = [program] if (program := await through_program(text)) else []
    # Nobody can tell whether the terminal obeyed; it is asked even when a program took it.
    sequence = "" if chat.screen.plain or chat.scripted else osc52(text, os.environ)
    if sequence:
        chat.screen.raw(sequence)
        # Seen from the far side of ssh, tmux and screen have their names in TERM alone.
        passed_on = not program and os.environ.get("TERM", "").startswith(("tmux", "screen"))
        ways.append("the terminal (OSC 52)" + (", if tmux has set-clipboard on" if passed_on else ""))
    if not ways:
        long = not chat.screen.plain and not chat.scripted
        reason = "it is too long for the terminal" if long else "a plain terminal takes nothing"
        raise LraError(
            f"Nothing could be copied: there is no clipboard program, and {reason}.",
            hint="/export writes the conversation to a file.",
        )
    chat.screen.line(f"Copied {what}, {counted(len(text), 'character')}, with {' and '.join(ways)}.", "good")


async def _last_answer(session: Session) -> str:
    rows = await session.runtime.store.journal.rows(session.id)
    return next((row.content for row in reversed(rows) if row.role == "assistant" and row.content.strip()), "")


def code_blocks(markdown: str) -> list[str]:
    """Return the source of each block of code, in the order of the numbers that stand above them."""
    from lra.chat.markdown import AnswerStream

    stream = AnswerStream(80, Theme("plain", 0))
    stream.feed(markdown)
    stream.close()
    return stream.blocks


@registry.command("export", "[md|json|html] [FILE]", during_turn=True, completes=("md", "json", "html"))
async def export(chat: Chat, args: str) -> None:
    """Write this conversation to a file; as Markdown, JSON or HTML.

    Without a file it is named after the conversation, in the present folder; a file that is there is never replaced
    without asking.
    """
    session = await chat.ready()
    kind, given = _format(args)
    text = await session.export(kind)
    path, there = await asyncio.to_thread(_target, session, kind, given)
    if there == "folder":
        raise UsageError(f"{clip(given, 200)} is a folder.", hint="Name a file in it.")
    question = f"{clip(given, 80)} is there already. Replace it?"
    if there == "file" and (chat.scripted or not await agreed(chat, question)):
        raise UsageError(f"{clip(given, 200)} is there already and was left as it is.")
    try:
        await asyncio.to_thread(_write, path, text, replace=there == "file")
    except FileExistsError:
        raise UsageError(f"{clip(str(path), 200)} is there already and was left as it is.") from None
    except OSError as error:
        from lra.store.room import unwritten

        raise unwritten(path, error, clip(str(path), 200)) from error
    chat.screen.line(f"Wrote {path}", "good")


def _format(args: str) -> tuple[str, str]:
    first, _, rest = args.partition(" ")
    if kind := _FORMATS.get(first.lower()):
        return kind, rest.strip()
    ending = Path(args).suffix.lstrip(".").lower()
    if args and ending not in _FORMATS and ending != "htm":
        raise UsageError(f"{clip(args, 60)!r} names no format.", hint="Write md, json or html, and a file if you like.")
    return _FORMATS.get(ending, "html" if ending == "htm" else "md"), args


def _target(session: Session, kind: str, given: str) -> tuple[Path, str]:
    """Return where to write, and what is there already."""
    path = Path(given).expanduser() if given else _free_name(session, kind)
    path = path.parent.resolve() / path.name
    return path, "folder" if path.is_dir() else "file" if path.exists() else ""


def _free_name(session: Session, kind: str) -> Path:
    words = re.sub(r"[^\w]+", "-", session.title.lower()).strip("-")[:50].rstrip("-") or session.id
    path, number = Path.cwd() / f"{words}.{kind}", 1
    while path.exists():
        number += 1
        path = Path.cwd() / f"{words}-{number}.{kind}"
    return path


def _write(path: Path, text: str, *, replace: bool) -> None:
    # For its owner alone, like everything else that is kept of a conversation. Of a link that leads nowhere nobody was
    # asked, nor of what has come since.
    handle = os.open(path, os.O_WRONLY | os.O_CREAT | (os.O_TRUNC if replace else os.O_EXCL), 0o600)
    with os.fdopen(handle, "w", encoding="utf-8") as file:
        file.write(text)
