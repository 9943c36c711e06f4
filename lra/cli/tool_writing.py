"""`lra create-tool`, `validate-tool` and `export-tools`: tools as files."""

from __future__ import annotations

from collections.abc import Awaitable, Callable
from pathlib import Path
from typing import TYPE_CHECKING, Annotated, TypeVar

import typer

from lra.cli import notices, output
from lra.cli.files import read_text
from lra.cli.options import HELP, Json, Yes, as_text, confirm
from lra.cli.work import run, settings
from lra.errors import ExitCode, LraError, NotFoundError, UnavailableError, UsageError

if TYPE_CHECKING:
    from lra.store import StructuredMemoryStore
    from lra.store.tools import ToolRecord
    from lra.tools.generated.boxes import ToolBoxes
    from lra.tools.generated.drafts import Draft
    from lra.tools.generated.trial import Trial

create_app = typer.Typer(add_completion=False, context_settings=HELP)
validate_app = typer.Typer(add_completion=False, context_settings=HELP)
export_app = typer.Typer(add_completion=False, context_settings=HELP)

_T = TypeVar("_T")

TEMPLATE = '''\
def {name}(text: str) -> str:
    """Say here what it does.

    Args:
        text: What this is.
    """
    return text


LRA_TOOLS = {{
    "{name}": {{
        "tests": [{{"args": {{"text": "an example call"}}, "expected": "and its result"}}],
        "hosts": [],
        "packages": [],
        "seconds": 30,
        "memory_mb": 256,
    }},
}}
'''


@create_app.command("create-tool")
def create_tool(
    file: Annotated[
        str | None,
        typer.Option("--file", "-f", metavar="FILE", help="Python file to read; - is standard input."),
    ] = None,
    only: Annotated[str | None, typer.Option("--name", metavar="NAME", help="Take only this function of it.")] = None,
    yes: Yes = False,
) -> None:
    """Add a tool that the model can call from now on.

    A tool is a typed function with a docstring and an example, or a module that export-tools wrote. It is tried in a
    sandbox first. Without --file your editor opens.
    """
    if file is not None:
        kept = run(with_boxes(lambda store, boxes: keep_all(store, boxes, read_text(file), only=only, yes=yes)))
    else:
        if not notices.interactive():
            raise UsageError("There is no terminal to write a tool on.", hint="Use --file FILE.")
        name = only or notices.ask("The tool's name:")
        kept = run(with_boxes(lambda store, boxes: write_in_editor(store, boxes, TEMPLATE.format(name=name), None)))
    for line in kept:
        output.write(line)


@validate_app.command("validate-tool")
def validate_tool(
    file: Annotated[str, typer.Argument(metavar="FILE", help="Python file; - is standard input.")],
    as_json: Json = False,
) -> None:
    """Read the tools of a Python file, and run their tests in a sandbox; nothing is kept."""
    text = read_text(file)
    results = run(with_boxes(lambda store, boxes: _validate(store, boxes, text)))
    if as_json:
        output.write_json(
            [
                {"name": draft.name, "ok": trial.ok, "passed": trial.passed, "failures": trial.failures}
                for draft, trial in results
            ]
        )
    else:
        for draft, trial in results:
            output.write(f"{'ok  ' if trial.ok else 'FAIL'}  {_verdict(draft, trial)}")
            for failure in trial.failures:
                output.write(f"      {failure}")
    if not all(trial.ok for _draft, trial in results):
        raise typer.Exit(ExitCode.FAILED)


@export_app.command("export-tools")
def export_tools(
    names: Annotated[
        list[str] | None,
        typer.Argument(metavar="NAME", help="Only these tools; all enabled ones by default.", callback=as_text),
    ] = None,
    path: Annotated[
        str | None, typer.Option("--output", "-o", metavar="PATH", help="File to write; standard output by default.")
    ] = None,
    yes: Yes = False,
) -> None:
    """Write the enabled tools into one Python module that needs no lra; create-tool --file reads it again."""
    if path is not None and path != "-" and Path(path).exists():
        confirm(f"{path} exists. Replace it?", yes)
    text, count = run(_with_store(lambda store: _export(store, names or [])))
    if path is None or path == "-":
        output.write(text.rstrip("\n"))
    else:
        output.write_file(path, text)
        notices.say(f"Wrote {count} {'tool' if count == 1 else 'tools'} to {path}")


async def _export(store: StructuredMemoryStore, names: list[str]) -> tuple[str, int]:
    from lra.tools.generated.modules import export

    tools = [await store.tools.get(name) for name in names] or await store.tools.find()
    if not tools:
        raise NotFoundError("There are no written tools to export.", hint="`lra create-tool` adds one.")
    return export([(tool.name, tool.source, tool.tests, tool.grants) for tool in tools]), len(tools)


async def keep_all(
    store: StructuredMemoryStore, boxes: ToolBoxes, text: str, *, only: str | None = None, yes: bool = True
) -> list[str]:
    """Try the tools of a module and keep them all, or none.

    Args:
        store: The record.
        boxes: Where they are tried.
        text: The module.
        only: Take this function alone.
        yes: Whether not to ask before a tool gets a next version.

    Raises:
        LraError: One of them cannot be a tool, or failed its tests.
    """
    results = await _validate(store, boxes, text, only=only)
    for draft, trial in results:
        if not trial.ok:
            raise LraError(f"{draft.name} was not kept, since its tests failed. {' '.join(trial.failures)}")
    known = {tool.name: tool for tool in await store.tools.find(everything=True)}
    same = {draft.name for draft, _trial in results if draft.name in known and _is_kept(draft, known[draft.name])}
    if again := [draft.name for draft, _trial in results if draft.name in known and draft.name not in same]:
        confirm(f"There is a tool {', '.join(again)} already. Keep this as its next version?", yes)
    lines = []
    for draft, trial in results:
        if draft.name in same:
            lines.append(f"{_verdict(draft, trial)} It is version {known[draft.name].version} already.")
            continue
        kept = await store.tools.save(draft.as_new(), author="person")
        lines.append(f"{_verdict(draft, trial)} Kept as version {kept.version}.")
    return lines


def _is_kept(draft: Draft, record: ToolRecord) -> bool:
    new = draft.as_new()
    kept = (record.source, list(record.tests), dict(record.grants))
    return record.state == "enabled" and (new.source, list(new.tests), dict(new.grants)) == kept


async def write_in_editor(store: StructuredMemoryStore, boxes: ToolBoxes, text: str, only: str | None) -> list[str]:
    """Open the person's editor on a module until it is right or given up; keep what is in it.

    Args:
        store: The record.
        boxes: Where it is tried.
        text: What the editor begins with.
        only: The tool that is edited, if it is one.

    Raises:
        LraError: It was given up, or the editor could not be run.
    """
    before = text
    while True:
        text = _edited(text)
        if text.strip() == before.strip():
            raise UsageError("Nothing was changed, and nothing was kept.")
        try:
            return await keep_all(store, boxes, text, only=only)
        except LraError as error:
            notices.error(error)
            if notices.ask("Back to the editor? [Y/n]").lower() in {"n", "no"}:
                raise UsageError("Nothing was kept.") from None


def _edited(text: str) -> str:
    import os
    import subprocess
    import tempfile

    from lra.chat.commands.editing import editor_command

    command = editor_command()
    handle, name = tempfile.mkstemp(prefix="lra-", suffix=".py")
    try:
        with os.fdopen(handle, "w", encoding="utf-8") as file:
            file.write(text)
        try:
            code = subprocess.run([*command, name], check=False).returncode
        except OSError as error:
            raise LraError(f"The editor {command[0]} could not be started: {error.strerror}.") from None
        if code:
            raise LraError(f"The editor {command[0]} ended with {code}; nothing was kept.")
        return read_text(name)
    finally:
        os.unlink(name)


async def _validate(
    store: StructuredMemoryStore, boxes: ToolBoxes, text: str, *, only: str | None = None
) -> list[tuple[Draft, Trial]]:
    from lra.session.tool_list import taken_names
    from lra.tools.generated.modules import read_module
    from lra.tools.generated.trial import run_trial

    taken = await taken_names(store, settings(quiet=True))
    drafts = read_module(text, only=only, taken=taken)
    return [(draft, await run_trial(draft, boxes)) for draft in drafts]


def _verdict(draft: Draft, trial: Trial) -> str:
    count = len(draft.tests)
    return f"{draft.name} passed {trial.passed} of {count} {'test' if count == 1 else 'tests'}; it {draft.grants}."


async def _with_store(work: Callable[[StructuredMemoryStore], Awaitable[_T]]) -> _T:
    from lra.store import StructuredMemoryStore

    store = StructuredMemoryStore(settings().database_url)
    try:
        return await work(store)
    finally:
        await store.close()


async def with_boxes(work: Callable[[StructuredMemoryStore, ToolBoxes], Awaitable[_T]]) -> _T:
    """Run work that needs the record and a sandbox.

    Raises:
        UnavailableError: There can be no sandbox here.
    """
    from lra.tools.generated.boxes import ToolBoxes
    from lra.tools.workbench import Workshop
    from sandbox.client import likely

    loaded = settings(quiet=True)
    if missing := likely(loaded.sandbox_url):
        raise UnavailableError(f"A tool is tried in a sandbox, and there is none. {missing}")
    workshop = Workshop(loaded.sandbox_url, loaded.sandbox_api_key, loaded.home)
    boxes = ToolBoxes(workshop.client, "lra tools")

    async def job(store: StructuredMemoryStore) -> _T:
        return await work(store, boxes)

    try:
        return await _with_store(job)
    finally:
        await boxes.close()
        await workshop.close()
