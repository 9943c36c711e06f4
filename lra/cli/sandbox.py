"""`lra sandbox`: the service that runs code, and what it runs in."""

from __future__ import annotations

import asyncio
from collections.abc import Coroutine
from typing import TYPE_CHECKING, Annotated, Any, TypeVar

import typer

from lra.cli import output
from lra.cli.options import HELP, Json
from lra.cli.work import settings as read_settings
from lra.errors import ExitCode, NotFoundError, UnavailableError
from lra.text import file_size

if TYPE_CHECKING:
    from lra.config import Settings

app = typer.Typer(
    help="Run code away from everything else: the service, its sandboxes, and a check of what it promises.",
    no_args_is_help=True,
    add_completion=False,
    context_settings=HELP,
)
_T = TypeVar("_T")
_Provider = Annotated[
    str,
    typer.Option(
        "--provider", metavar="NAME", help="What the sandboxes run in: docker, local, or auto for the best there is."
    ),
]


def _run(work: Coroutine[Any, Any, _T]) -> _T:
    from sandbox.client import SandboxError

    try:
        return asyncio.run(work)
    except SandboxError as error:
        raise UnavailableError(error.message) from None


@app.command("serve")
def serve(
    host: Annotated[
        str,
        typer.Option(
            "--host", metavar="ADDRESS", help="Address to listen at; any but this machine's own needs SANDBOX_API_KEY."
        ),
    ] = ("127.0.0.1"),
    port: Annotated[int, typer.Option("--port", min=1, max=65535, help="Port to listen at.")] = 8000,
    provider: _Provider = "auto",
    pool: Annotated[
        int,
        typer.Option(
            "--pool", min=0, max=64, help="How many sandboxes of each kind asked for are kept ready, up to 64."
        ),
    ] = 1,
) -> None:
    """Run the sandbox service until it is stopped; callers show SANDBOX_API_KEY when it is set."""
    from sandbox.client import SandboxError
    from sandbox.client import serve as run

    settings = read_settings()
    shown = f"[{host}]" if ":" in host else host

    def ready() -> None:
        typer.echo(f"Sandboxes at http://{shown}:{port} (its API: /docs).", err=True)

    try:
        run(host, port, settings.sandbox_api_key, provider, pool, ready)
    except SandboxError as error:
        raise UnavailableError(error.message) from None


@app.command("list")
def list_sandboxes(as_json: Json = False) -> None:
    """List the sandboxes of the service when it answers, else those of this machine."""
    found = _run(_list(read_settings(quiet=True)))
    if as_json:
        output.write_json(found)
        return
    rows = [
        (each["id"], each["language"], each["provider"], each["metadata"].get("session", ""), _when(each["created_at"]))
        for each in found
    ]
    output.write_table(("ID", "LANGUAGE", "PROVIDER", "SESSION", "CREATED"), rows, empty="There are no sandboxes.")


@app.command("stop")
def stop(
    sandbox_id: Annotated[str, typer.Argument(metavar="ID", help="The sandbox, as `lra sandbox list` shows it.")],
) -> None:
    """End a sandbox and everything in it."""
    if not _run(_stop(read_settings(quiet=True), sandbox_id)):
        raise NotFoundError(f"There is no sandbox {sandbox_id}.")
    output.write(f"Stopped {sandbox_id}.")


@app.command("logs")
def logs(
    sandbox_id: Annotated[str, typer.Argument(metavar="ID", help="The sandbox, as `lra sandbox list` shows it.")],
) -> None:
    """Print what the first process of a sandbox said; code's own output is in its answers."""
    text = _run(_logs(read_settings(quiet=True), sandbox_id))
    if text is None:
        raise NotFoundError(f"There is no sandbox {sandbox_id}.")
    output.write(text.rstrip("\n") if text.strip() else "It has said nothing.")


@app.command("prune")
def prune(
    images: Annotated[bool, typer.Option("--images", help="Remove cached images with packages as well.")] = False,
    as_json: Json = False,
) -> None:
    """End sandboxes whose process has ended, and remove what was left of them."""
    from sandbox.client import prune as clear

    done = _run(clear(images=images))
    if as_json:
        output.write_json({"sandboxes": done.sandboxes, "images": done.images, "problems": done.problems})
    else:
        for each in [*done.sandboxes, *done.images]:
            output.write(f"Removed {each}.")
        if not done.sandboxes and not done.images:
            output.write("There was nothing to remove.")
        for problem in done.problems:
            typer.echo(problem, err=True)
    if done.problems:
        raise typer.Exit(ExitCode.FAILED)


@app.command("images")
def images(as_json: Json = False) -> None:
    """List the cached images with packages; `prune --images` removes them."""
    from sandbox.client import images as list_images

    found = _run(list_images())
    if as_json:
        output.write_json(found)
        return
    rows = [
        (
            each["image"],
            ", ".join(name for names in each["packages"].values() for name in names),
            file_size(each["size"]),
            output.when(each["created"]),
        )
        for each in found
    ]
    output.write_table(("IMAGE", "PACKAGES", "SIZE", "CREATED"), rows, empty="There are no images with packages.")


@app.command("build")
def build(
    packages: Annotated[
        list[str] | None, typer.Argument(metavar="PACKAGE", help="Python packages to have in it.")
    ] = None,
    npm: Annotated[
        list[str] | None, typer.Option("--npm", metavar="NAME", help="A package of npm; may be given more than once.")
    ] = None,
    apt: Annotated[
        list[str] | None,
        typer.Option("--apt", metavar="NAME", help="A package of the system; may be given more than once."),
    ] = None,
    provider: _Provider = "auto",
) -> None:
    """Build the image of sandboxes ahead of time, with some packages, so that the first one need not wait."""
    from sandbox.client import build as make

    given = {"pip": packages, "npm": npm, "apt": apt}
    wanted = {manager: tuple(names) for manager, names in given.items() if names}
    tag = _run(make(provider, wanted, lambda line: typer.echo(line, err=True)))
    output.write(f"{tag} is there.")


@app.command("selfcheck")
def selfcheck(provider: _Provider = "auto", as_json: Json = False) -> None:
    """Try to break out of real sandboxes in every way known, and say what held."""
    results = _run(_selfcheck(provider, quiet=as_json))
    broken = [each for each in results if each["problem"]]
    if as_json:
        output.write_json({"ok": not broken, "checks": results})
    else:
        output.write(f"{len(results) - len(broken)} of {len(results)} held.")
    if broken:
        raise typer.Exit(ExitCode.FAILED)


async def _selfcheck(provider: str, *, quiet: bool) -> list[dict[str, str | None]]:
    from sandbox.client import selfcheck as check

    results: list[dict[str, str | None]] = []
    async for name, problem in check(provider):
        results.append({"name": name, "problem": problem})
        if not quiet:
            output.write(f"{'FAIL' if problem else 'ok':4}  {name}{': ' + problem if problem else ''}")
    return results


async def _list(settings: Settings) -> list[dict[str, Any]]:
    from sandbox.client import list_here, probe

    found = await asyncio.to_thread(probe, settings.sandbox_url, settings.sandbox_api_key)
    if not found.is_sandbox:
        return await list_here()
    from sandbox.client import connect

    client = await connect(settings.sandbox_url, settings.sandbox_api_key)
    try:
        return await client.list_sandboxes()
    finally:
        await client.close()


async def _logs(settings: Settings, sandbox_id: str) -> str | None:
    from sandbox.client import connect, logs_here, probe

    found = await asyncio.to_thread(probe, settings.sandbox_url, settings.sandbox_api_key)
    if found.is_sandbox and not found.refused:
        client = await connect(settings.sandbox_url, settings.sandbox_api_key)
        try:
            if any(each["id"] == sandbox_id for each in await client.list_sandboxes()):
                return await client.logs(sandbox_id)
        finally:
            await client.close()
    return await logs_here(sandbox_id)


async def _stop(settings: Settings, sandbox_id: str) -> bool:
    from sandbox.client import connect, probe, stop_here

    found = await asyncio.to_thread(probe, settings.sandbox_url, settings.sandbox_api_key)
    if found.is_sandbox:
        client = await connect(settings.sandbox_url, settings.sandbox_api_key)
        try:
            if any(each["id"] == sandbox_id for each in await client.list_sandboxes()):
                await client.delete(sandbox_id)
                return True
        finally:
            await client.close()
    return await stop_here(sandbox_id)


def _when(seconds: float) -> str:
    from datetime import UTC, datetime

    return output.when(datetime.fromtimestamp(seconds, UTC).isoformat())
