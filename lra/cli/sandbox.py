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

if TYPE_CHECKING:
    from lra.config import Settings

app = typer.Typer(
    help="Run code away from everything else: the service, its sandboxes, and a check of what it promises.",
    no_args_is_help=True,
    add_completion=False,
    context_settings=HELP,
)
_T = TypeVar("_T")
_Provider = Annotated[str, typer.Option("--provider", metavar="NAME", help="What isolates: auto, or one by name.")]


def _run(work: Coroutine[Any, Any, _T]) -> _T:
    from sandbox.client import SandboxError

    try:
        return asyncio.run(work)
    except SandboxError as error:
        raise UnavailableError(error.message) from None


@app.command("serve")
def serve(
    host: Annotated[
        str, typer.Option("--host", help="Address to listen at; another than this machine needs a key.")
    ] = ("127.0.0.1"),
    port: Annotated[int, typer.Option("--port", min=1, max=65535, help="Port to listen at.")] = 8000,
    provider: _Provider = "auto",
) -> None:
    """Run the sandbox service until it is stopped; callers show SANDBOX_API_KEY when it is set."""
    from sandbox.client import SandboxError
    from sandbox.client import serve as run

    settings = read_settings()
    typer.echo(f"Sandboxes at http://{host}:{port} (its API: /docs).", err=True)
    try:
        run(host, port, settings.sandbox_api_key, provider)
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
def stop(sandbox_id: Annotated[str, typer.Argument(metavar="ID", help="The sandbox.")]) -> None:
    """End a sandbox and everything in it."""
    if not _run(_stop(read_settings(quiet=True), sandbox_id)):
        raise NotFoundError(f"There is no sandbox {sandbox_id}.")
    output.write(f"Stopped {sandbox_id}.")


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
