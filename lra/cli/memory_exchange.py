"""`lra memory`: bringing memories in and out."""

from __future__ import annotations

from typing import TYPE_CHECKING, Annotated, Literal

import typer

from lra.cli import files, notices, output
from lra.cli.options import Json, replaced
from lra.cli.progress import drawn
from lra.cli.work import with_memory
from lra.errors import LraError

if TYPE_CHECKING:
    from lra.memory import ImportReport, Memory

_NAMED = 8
_CALLED = {
    "claude-code": "Claude Code memory",
    "chatgpt": "ChatGPT's export",
    "markdown": "Markdown",
}
"""What a folder can be taken for."""

Format = Literal["lra", "original", "claude-code", "chatgpt", "mem0", "markdown"]


def import_(
    path: Annotated[
        str,
        typer.Argument(
            metavar="PATH",
            help="JSON lines of export, ChatGPT's export (zip or conversations.json), mem0's JSON, a Claude Code "
            "memory folder or CLAUDE.md, Markdown, or ./data of the original program; - is standard input.",
        ),
    ],
    format: Annotated[
        Format | None, typer.Option("--format", help="What it is; without it, its content tells.")
    ] = None,
    dry_run: Annotated[bool, typer.Option("--dry-run", help="Only say what would be imported.")] = False,
    strict: Annotated[bool, typer.Option("--strict", help="Import nothing when anything cannot be read.")] = False,
    namespace: Annotated[
        str | None, typer.Option("--namespace", metavar="NAME", help="Where memories go that name no namespace.")
    ] = None,
    allow_secret: Annotated[
        bool, typer.Option("--allow-secret", help="Also keep what other programs hold of keys and passwords.")
    ] = False,
    as_json: Json = False,
) -> None:
    """Add conversations and memories from a file or folder.

    What is known already is passed over, what cannot be read is named; nothing stays half imported.
    """
    with files.rereadable(path) as (source, name), drawn() as progress:

        async def work(memory: Memory) -> ImportReport:
            return await memory.import_file(
                source,
                format=format,
                dry_run=dry_run,
                strict=strict,
                namespace=namespace,
                allow_secrets=allow_secret,
                progress=progress,
            )

        try:
            report = with_memory(work)
        except LraError as error:
            # A pipe was kept in a file whose name means nothing to the person.
            error.message = error.message.replace(str(source), name)
            error.args = (error.message,)
            raise
    if as_json:
        output.write_json(report.to_dict())
    else:
        _tell(report)


def _tell(report: ImportReport) -> None:
    """Print what became of an import: the counts as data, the rest for the person."""
    found = [_many(report.turns, "turn"), _many(report.facts, "fact")]
    if report.tasks:
        found.append(_many(report.tasks, "task"))
    done = "would be imported" if report.dry_run else "imported"
    output.write(f"{', '.join(found[:-1])} and {found[-1]} {done}, {report.skipped} known already")
    if len(report.kinds) > 1 or (report.kinds and "fact" not in report.kinds):
        notices.say("By kind: " + ", ".join(f"{count} {kind}" for kind, count in sorted(report.kinds.items())))
    if report.dry_run:
        for text in report.examples:
            notices.say(f"  e.g. {text}")
    for what, count in report.left_out.items():
        notices.say(f"Left out: {what} ({count})")
    if report.passed_over:
        names = ", ".join(report.passed_over[:_NAMED])
        more = f" and {len(report.passed_over) - _NAMED} more" if len(report.passed_over) > _NAMED else ""
        taken = f"Not read, since the folder was taken for {_CALLED[report.format]}"
        notices.say(f"{taken}: {names}{more}. Name a file to import it.")
    _tell_secrets(report)
    for problem in report.problems:
        notices.say(f"Not read: {problem}")
    if report.wrong > len(report.problems):
        notices.say(f"Not read: {report.wrong - len(report.problems)} more.")


def _tell_secrets(report: ImportReport) -> None:
    if not report.secret_facts:
        return
    kept = report.format == "lra"
    said = "" if kept else " and are kept with --allow-secret only"
    notices.say(f"Memories with something that should stay secret ({report.secret_facts}){said}:")
    for secret in report.secrets:
        notices.say(f"  {secret}")


def _many(count: int, one: str) -> str:
    return f"{count} {one}{'' if count == 1 else 's'}"


def export(
    to: Annotated[
        str | None,
        typer.Option("--output", "-o", metavar="FILE", help="Write to this private file; standard output by default."),
    ] = None,
    vectors: Annotated[
        bool, typer.Option("--vectors", help="Also the stored vectors, so that nothing is embedded again.")
    ] = False,
) -> None:
    """Write every memory and turn as JSON lines that import reads."""
    instead = replaced(to) if to is not None else ""

    async def work(memory: Memory) -> None:
        if to is None or to == "-":
            async for line in memory.export(vectors=vectors):
                output.write_line(line)
            return
        with output.private_file(to) as file:
            async for line in memory.export(vectors=vectors):
                file.write(line.rstrip("\n") + "\n")
        notices.say(f"Wrote {to}{instead}")

    with_memory(work)
