"""`lra init`: setting up a folder."""

from __future__ import annotations

import os
from pathlib import Path
from typing import TYPE_CHECKING, Annotated

import typer

from lra.cli import envfile, notices, stdin
from lra.cli.envfile import Plan
from lra.cli.options import HELP, Yes, confirm
from lra.cli.work import run
from lra.config import PROVIDER_KEYS, config_dir, load_settings, trust
from lra.errors import LraError, RefusedError, UsageError
from lra.text import clean_text

if TYPE_CHECKING:
    from lra.store.legacy import LegacyReport

app = typer.Typer(add_completion=False, context_settings=HELP)

OLD_DATABASE = Path("data/agent_memory.db")
"""Where the original program kept its record, seen from its folder."""


@app.command("init")
def init(
    provider: Annotated[
        str | None,
        typer.Option("--provider", metavar="NAME", help="Who answers: openai, anthropic, google, ollama, offline, …"),
    ] = None,
    model: Annotated[
        str | None, typer.Option("--model", "-m", metavar="NAME", help="Model, as provider:model.")
    ] = None,
    key_env: Annotated[
        str | None, typer.Option("--key-env", metavar="NAME", help="Copy the key from this environment variable.")
    ] = None,
    key_stdin: Annotated[bool, typer.Option("--key-stdin", help="Read the key from standard input.")] = False,
    base_url: Annotated[
        str | None,
        typer.Option(
            "--base-url", metavar="URL", help="Where the provider is reached, when it is not the usual address."
        ),
    ] = None,
    project_data: Annotated[
        bool, typer.Option("--project-data", help="Keep memory in ./data, for this folder alone.")
    ] = False,
    import_old: Annotated[
        bool | None, typer.Option("--import/--no-import", help="Import ./data of the original program.")
    ] = None,
    trust_only: Annotated[
        bool, typer.Option("--trust", help="Keep the .env that is there, and let it count from now on.")
    ] = False,
    force: Annotated[bool, typer.Option("--force", help="Replace an existing .env; a copy is kept.")] = False,
    yes: Yes = False,
) -> None:
    """Write a private .env for this folder and let the folder configure lra.

    On a terminal it asks; with options, --yes or without a terminal it does not.
    """
    folder = Path.cwd().resolve()
    path = folder / ".env"
    plan = Plan(provider=provider, model=model, base_url=base_url, project_data=project_data)
    plan.key = _read_key(plan, key_env, key_stdin)
    given = any((provider, model, key_env, key_stdin, base_url, project_data))
    guided = notices.interactive() and not (yes or given or trust_only)
    exists = os.path.lexists(path) and not force
    write = not (exists or trust_only)

    if write:
        if guided:
            _ask(plan)
        plan.check()
    elif not import_old or given or trust_only:
        # Importing alone changes nothing about the folder.
        _check_existing(path, guided, trust_only, given)
    wanted = _wants_import(folder, import_old, yes)
    blocked = write and plan.project_data and _old_database(folder)
    if blocked and not wanted:
        raise UsageError(
            f"{OLD_DATABASE} belongs to the original program, so lra cannot keep its memory there.",
            hint="--import moves that file aside and imports it; or leave out --project-data.",
        )
    if write:
        backup = envfile.write(path, plan)
        notices.say(f"Wrote {path}{f'; the old one is now {backup.name}' if backup else ''}")
    if write or trust_only or guided:
        _trust(folder)
        notices.say(f"Trusted {folder}: what its .env sets counts.")
    if wanted:
        _import(folder, aside=blocked)
    _closing_words(path, plan, write)


def _ask(plan: Plan) -> None:
    from lra.cli import wizard

    wizard.complete(plan, load_settings())


def _read_key(plan: Plan, key_env: str | None, key_stdin: bool) -> str | None:
    if key_env and key_stdin:
        raise UsageError("--key-env and --key-stdin both name the key.", hint="Use one of them.")
    if not key_env and not key_stdin:
        return None
    if plan.provider is None and plan.model and ":" in plan.model:
        plan.provider = plan.model.partition(":")[0]
    if plan.provider is None:
        owners = [provider for provider, names in PROVIDER_KEYS.items() if key_env in names]
        if not owners:
            raise UsageError("Whose key is it?", hint="Add --provider NAME.")
        plan.provider = owners[0]
    key = clean_text((os.environ.get(key_env, "") if key_env else stdin.read_all()).strip())
    if not key:
        raise UsageError(f"The variable {key_env} is not set." if key_env else "There is no key on standard input.")
    return key


def _check_existing(path: Path, guided: bool, trust_only: bool, given: bool) -> None:
    """Leave an existing file alone: let it count when the person says so, or end here."""
    from lra.config.dotenv import read_dotenv

    if trust_only and given:
        raise UsageError("--trust keeps the .env as it is.", hint="Leave out the other options, or use --force.")
    if trust_only or guided:
        names = sorted(read_dotenv(path, "dotenv"))
        notices.say(f"{path} sets {', '.join(names) or 'nothing'}.")
    if trust_only:
        return
    if not guided:
        raise UsageError(
            f"{path} exists already and was left as it is.",
            hint="--force replaces it and keeps a copy, --trust keeps it and lets it count.",
        )
    confirm("Keep it, and let everything it sets count in this folder?", yes=False)


def _trust(folder: Path) -> None:
    try:
        trust(folder, config_dir())
    except OSError as error:
        raise LraError(f"{config_dir()} cannot be written: {error.strerror}.") from error


def _old_database(folder: Path) -> bool:
    path = folder / OLD_DATABASE
    if not path.is_file():
        return False
    from lra.store.legacy import is_legacy

    return is_legacy(path)


def _wants_import(folder: Path, import_old: bool | None, yes: bool) -> bool:
    if not _old_database(folder):
        if import_old:
            raise UsageError(f"There is no database of the original program at {OLD_DATABASE}.")
        return False
    if import_old is not None or yes:
        return import_old is not False
    if not notices.interactive():
        notices.say(f"{OLD_DATABASE} is of the original program; `lra init --import` brings it over.")
        return False
    try:
        confirm(f"{OLD_DATABASE} is of the original program. Import its conversations, tasks and facts?", yes=False)
    except RefusedError:
        return False
    return True


def _import(folder: Path, *, aside: bool) -> None:
    """Import the old database; `aside` moves it away first, since the new one takes its place."""
    source = folder / OLD_DATABASE
    if aside:
        target = source.with_name("agent_memory.original.db")
        if target.exists() or any(source.with_name(source.name + end).exists() for end in ("-journal", "-wal")):
            raise LraError(f"{source} cannot be moved to {target.name}: it is in use, or that name is taken.")
        source = source.rename(target)
        notices.say(f"The original database is now {target}")

    async def work() -> LegacyReport:
        from lra.store import StructuredMemoryStore
        from lra.store.legacy import import_legacy

        store = StructuredMemoryStore(load_settings().database_url)
        try:
            return await import_legacy(store, source)
        finally:
            await store.close()

    done = run(work())
    notices.say(
        f"Imported {done.sessions} sessions with {done.turns} messages, {done.tasks} tasks and {done.memories} "
        f"memories; {done.known} rows were there already."
    )


def _closing_words(path: Path, plan: Plan, written: bool) -> None:
    for file in sorted(path.parent.glob(".env*")):
        if (file == path or ".backup-" in file.name) and envfile.exposed(file):
            notices.say(f"Careful: git does not ignore {file.name} here. Add it to .gitignore before you commit.")
    settings = load_settings()
    keyed = any(settings.provider_key(name) for name in PROVIDER_KEYS)
    if written and not keyed and not plan.model_name:
        notices.say(f"There is no key yet: put {plan.key_name} into .env or the environment. Until then, lra works")
        notices.say("with a running Ollama or its offline model.")
    notices.say("Next: `lra chat` starts a conversation, `lra doctor` checks that everything works.")
