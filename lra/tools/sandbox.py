"""Tools that run code. Nothing the model wrote runs anywhere but in a sandbox."""

from __future__ import annotations

import contextlib
from typing import Any, Literal

from pydantic_ai import FunctionToolset, ModelRetry, RunContext, ToolDenied

from lra.events import Notice, ToolProgress
from lra.text import file_size, printable
from lra.tools.deps import AgentDeps
from lra.tools.sandbox_answer import Answer
from lra.tools.workbench import LOST, Workbench
from sandbox.client import SandboxError

_MOST_SECONDS = 600.0
_MOST_FILE = 100_000
_MOST_FILES = 50
_MOST_TOLD = 5
Network = Literal["none", "limited", "unrestricted"]


async def create_sandbox(
    ctx: RunContext[AgentDeps],
    packages: list[str] | None = None,
    npm_packages: list[str] | None = None,
    apt_packages: list[str] | None = None,
    network: Network = "none",
    allowed_hosts: list[str] | None = None,
    language: Literal["python", "shell"] = "python",
) -> dict[str, Any] | ToolDenied:
    """Make a new sandbox with packages or network, in place of the present one, whose names and files go.

    Only needed when code lacks a package or has to reach a host: execute_code makes a plain sandbox by itself. The
    person is asked before anything is installed or may be reached.

    Args:
        packages: Python packages to install, as pip names them, such as "pandas" or "numpy==2.1.0".
        npm_packages: Packages of npm.
        apt_packages: Packages of the system.
        network: none, limited to allowed_hosts, or unrestricted.
        allowed_hosts: With limited network, the hosts that may be reached: "api.test", or "*.example.com".
        language: What execute_code takes.
    """
    bench = _bench(ctx)
    wanted = {
        "packages": {
            manager: names
            for manager, names in (("pip", packages), ("npm", npm_packages), ("apt", apt_packages))
            if names
        },
        "network": network,
        "allowed_hosts": allowed_hosts or [],
        "language": language,
    }
    if (network == "limited") is not bool(allowed_hosts):
        raise ModelRetry("allowed_hosts and network 'limited' go together.")
    if reasons := _grants(wanted):
        consent = await ctx.deps.consent(ctx.tool_call_id or "", "create_sandbox", wanted, " ".join(reasons))
        if not consent.approved:
            return ToolDenied(consent.refusal)
        wanted = {name: consent.args[name] for name in wanted if name in consent.args}
    try:
        made = await bench.replace(wanted)
    except SandboxError as error:
        return {"error": error.message}
    return {name: made[name] for name in ("language", "provider", "network", "allowed_hosts", "packages", "workspace")}


def _grants(wanted: dict[str, Any]) -> list[str]:
    """Return, in sentences, what a person has to agree to."""
    reasons = []
    if wanted["packages"]:
        every = ", ".join(name for names in wanted["packages"].values() for name in names)
        reasons.append(f"It installs {every} from the network, which runs their installation.")
    if wanted["network"] == "limited":
        reasons.append(f"Code in the sandbox may send anything it knows to {', '.join(wanted['allowed_hosts'])}.")
    elif wanted["network"] == "unrestricted":
        reasons.append("Code in the sandbox may send anything it knows to any address, those of this network included.")
    return reasons


async def execute_code(ctx: RunContext[AgentDeps], code: str, timeout: float = 60.0) -> dict[str, Any]:
    """Run Python in an isolated sandbox. Names persist between calls, as in a notebook.

    The value of a last expression is returned. Files go to the working directory; those that are new or changed are
    listed, and the person can save them. There is no network and nothing can be installed, except where
    create_sandbox was allowed to grant it.

    Args:
        code: Python source.
        timeout: Seconds the code may run.
    """
    bench = _bench(ctx)
    return await _run(ctx, bench, "execute", code, timeout)


async def run_command(ctx: RunContext[AgentDeps], command: str, timeout: float = 60.0) -> dict[str, Any]:
    """Run a shell command in the sandbox, in the directory that code runs in.

    Args:
        command: What the shell is given.
        timeout: Seconds the command may run.
    """
    bench = _bench(ctx)
    return await _run(ctx, bench, "command", command, timeout)


async def read_file(ctx: RunContext[AgentDeps], path: str) -> dict[str, Any]:
    """Read a text file of the sandbox.

    Args:
        path: Where it is in the working directory.
    """
    bench = _bench(ctx)
    data = b""
    try:
        client, sandbox_id = await bench.ready()
        async with contextlib.aclosing(client.read(sandbox_id, path)) as pieces:
            async for piece in pieces:
                data += piece
                if len(data) > _MOST_FILE:
                    break
    except SandboxError as error:
        return {"error": error.message, **_news(ctx, bench)}
    return {
        "content": data[:_MOST_FILE].decode("utf-8", "replace"),
        "complete": len(data) <= _MOST_FILE,
        **_news(ctx, bench),
    }


async def write_file(ctx: RunContext[AgentDeps], path: str, content: str) -> dict[str, Any]:
    """Write a text file of the sandbox, in place of what was there.

    Args:
        path: Where it goes in the working directory.
        content: What it holds.
    """
    bench = _bench(ctx)
    try:
        client, sandbox_id = await bench.ready()
        written = await client.write(sandbox_id, path, content.encode("utf-8", "replace"))
    except SandboxError as error:
        return {"error": error.message, **_news(ctx, bench)}
    return {"path": path, "size": written, **_news(ctx, bench)}


async def list_files(ctx: RunContext[AgentDeps], path: str = ".") -> dict[str, Any]:
    """List files of the sandbox, with those in folders below.

    Args:
        path: A folder in the working directory.
    """
    bench = _bench(ctx)
    try:
        client, sandbox_id = await bench.ready()
        found = await client.list_files(sandbox_id, path, recursive=True)
    except SandboxError as error:
        return {"error": error.message, **_news(ctx, bench)}
    return {**found, **_news(ctx, bench)}


def sandbox_toolset() -> FunctionToolset[AgentDeps]:
    """Return the tools that run code as a Pydantic AI toolset."""
    # One after the other: they share one namespace and one folder.
    return FunctionToolset(
        [create_sandbox, execute_code, run_command, read_file, write_file, list_files],
        id="sandbox",
        sequential=True,
        instructions=_about_the_folder,
    )


def _about_the_folder(ctx: RunContext[AgentDeps]) -> str | None:
    """Tell the model that it works on a person's folder."""
    workspace = None if ctx.deps.workbench is None else ctx.deps.workbench.workspace
    if workspace is None:
        return None
    about = f"The working directory of the sandbox is a copy of the person's folder {workspace.root.name!r}."
    if not workspace.writable:
        return f"{about} It is for reading: what you change stays in the sandbox."
    return (
        f"{about} Edit files there in place, and put what is only for yourself into /tmp. After your answer the person"
        " is shown every change as one patch and decides whether it goes to the real files; you need not ask."
    )


def _bench(ctx: RunContext[AgentDeps]) -> Workbench:
    bench = ctx.deps.workbench
    if bench is None:
        raise ModelRetry("There is no sandbox in this run, so no code can be run.")
    call_id = ctx.tool_call_id or ""
    bench.listen(lambda line: ctx.deps.tell(ToolProgress(call_id=call_id, text=f"{printable(line)}\n")))
    return bench


async def _run(ctx: RunContext[AgentDeps], bench: Workbench, op: str, text: str, timeout: float) -> dict[str, Any]:
    if not 0 < timeout <= _MOST_SECONDS:
        raise ModelRetry(f"timeout is more than 0 and at most {_MOST_SECONDS:.0f} seconds.")
    answer = Answer()
    try:
        client, sandbox_id = await bench.ready()
        call = client.execute if op == "execute" else client.command
        # Left early, as by an interrupt, the code is interrupted too.
        async with contextlib.aclosing(call(sandbox_id, text, timeout=timeout)) as events:
            async for event in events:
                if event["event"] in {"stdout", "stderr"}:
                    said = printable(event["text"])
                    ctx.deps.tell(ToolProgress(call_id=ctx.tool_call_id or "", text=said))
                answer.take(event)
        figures = await bench.keep_figures(answer.images)
        files = await bench.changed()
    except SandboxError as error:
        return {"success": False, "error": error.message, **_news(ctx, bench)}
    return {**answer.result(), **_files(ctx, bench, files, figures), **_news(ctx, bench)}


def _news(ctx: RunContext[AgentDeps], bench: Workbench) -> dict[str, str]:
    """Tell the person and the model when a sandbox was kept or lost."""
    note = bench.news()
    if note:
        ctx.deps.tell(Notice(level="warning" if note == LOST else "info", text=note))
    if bench.workspace is not None and bench.workspace.secret:
        names, bench.workspace.secret = ", ".join(bench.workspace.secret[:_MOST_TOLD]), []
        ctx.deps.tell(Notice(level="info", text=f"Files that look secret were not put into the sandbox: {names}."))
    notes = [*([note] if note else []), *bench.notes()]
    return {"note": " ".join(notes)} if notes else {}


def _files(
    ctx: RunContext[AgentDeps], bench: Workbench, files: list[dict[str, Any]], figures: list[dict[str, Any]]
) -> dict[str, Any]:
    """Tell the person and the model which files a run produced, figures that were shown among them."""
    # Those of a person's folder are shown at the end of the turn.
    at_the_end = bench.workspace is not None and bench.workspace.writable
    told = figures if at_the_end else [*figures, *(each for each in files if each not in figures)]
    files = [*figures, *(each for each in files if each not in figures)]
    if not files:
        return {}
    named = ", ".join(f"{each['path']} ({file_size(each['size'])})" for each in told[:_MOST_TOLD])
    more = f" and {len(told) - _MOST_TOLD} more" if len(told) > _MOST_TOLD else ""
    if told:
        ctx.deps.tell(Notice(level="info", text=f"Files in the sandbox: {named}{more}. /save NAME keeps one."))
    return {"files": files[:_MOST_FILES], **({"more_files": len(files) - _MOST_FILES} if files[_MOST_FILES:] else {})}
