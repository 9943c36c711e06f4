"""Tools that run code. Nothing the model wrote runs anywhere but in a sandbox."""

from __future__ import annotations

import contextlib
from typing import Any

from pydantic_ai import FunctionToolset, ModelRetry, RunContext

from lra.events import ToolProgress
from lra.text import printable
from lra.tools.deps import AgentDeps
from lra.tools.workbench import Workbench
from sandbox.client import Event, SandboxError

_MOST_SHOWN = 20_000
"""Characters of each stream that go to the model."""
_MOST_SECONDS = 600.0
_MOST_FILE = 100_000


async def execute_code(ctx: RunContext[AgentDeps], code: str, timeout: float = 60.0) -> dict[str, Any]:
    """Run Python in an isolated sandbox without network. Names persist between calls, as in a notebook.

    The value of a last expression is returned. Files go to the working directory.

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
        return {"error": error.message}
    return {"content": data[:_MOST_FILE].decode("utf-8", "replace"), "complete": len(data) <= _MOST_FILE}


async def write_file(ctx: RunContext[AgentDeps], path: str, content: str) -> dict[str, Any]:
    """Write a text file of the sandbox, in place of what was there.

    Args:
        path: Where it goes in the working directory.
        content: What it holds.
    """
    bench = _bench(ctx)
    try:
        client, sandbox_id = await bench.ready()
        return {"path": path, "size": await client.write(sandbox_id, path, content.encode("utf-8", "replace"))}
    except SandboxError as error:
        return {"error": error.message}


async def list_files(ctx: RunContext[AgentDeps], path: str = ".") -> dict[str, Any]:
    """List files of the sandbox, with those in folders below.

    Args:
        path: A folder in the working directory.
    """
    bench = _bench(ctx)
    try:
        client, sandbox_id = await bench.ready()
        return await client.list_files(sandbox_id, path, recursive=True)
    except SandboxError as error:
        return {"error": error.message}


def sandbox_toolset() -> FunctionToolset[AgentDeps]:
    """Return the tools that run code as a Pydantic AI toolset."""
    # One after the other: they share one namespace and one folder.
    return FunctionToolset(
        [execute_code, run_command, read_file, write_file, list_files], id="sandbox", sequential=True
    )


def _bench(ctx: RunContext[AgentDeps]) -> Workbench:
    bench = ctx.deps.workbench
    if bench is None:
        raise ModelRetry("There is no sandbox in this run, so no code can be run.")
    return bench


async def _run(ctx: RunContext[AgentDeps], bench: Workbench, op: str, text: str, timeout: float) -> dict[str, Any]:
    if not 0 < timeout <= _MOST_SECONDS:
        raise ModelRetry(f"timeout is more than 0 and at most {_MOST_SECONDS:.0f} seconds.")
    answer = _Answer()
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
    except SandboxError as error:
        bench.lost()
        return {"success": False, "error": error.message}
    return {**answer.result(), **bench.news()}


class _Answer:
    """What the model is told of a run."""

    def __init__(self) -> None:
        self._texts: dict[str, str] = {"stdout": "", "stderr": ""}
        self._cut: dict[str, int] = {"stdout": 0, "stderr": 0}
        self._shown: list[str] = []
        self._images = 0
        self._done: Event = {}

    def take(self, event: Event) -> None:
        kind = event["event"]
        if kind in self._texts:
            # The beginning and the end say most.
            text = self._texts[kind] + event["text"]
            over = len(text) - _MOST_SHOWN
            if over > 0:
                half = _MOST_SHOWN // 2
                text = text[:half] + text[half + over :]
                self._cut[kind] += over
            self._texts[kind] = text
        elif kind in {"display", "result"}:
            self._images += any(name.startswith("image/") for name in event["data"])
            self._shown.append(str(event["data"].get("text/plain", ""))[:_MOST_SHOWN])
        elif kind == "done":
            self._done = event

    def result(self) -> dict[str, Any]:
        done = self._done
        answer: dict[str, Any] = {"success": done.get("status") == "ok"}
        for name, text in self._texts.items():
            half = _MOST_SHOWN // 2
            gap = f"\n… {self._cut[name]:,} characters cut …\n" if self._cut[name] else ""
            if text:
                answer[name] = text[:half] + gap + text[half:]
        if self._shown:
            answer["result"] = "\n".join(self._shown)
        if self._images:
            answer["images"] = self._images
        if done.get("exit"):
            answer["exit"] = done["exit"]
        if done.get("traceback") or done.get("message"):
            answer["error"] = str(done.get("traceback") or done.get("message"))
        if done.get("status") in {"timeout", "interrupted"}:
            how = "ran too long" if done["status"] == "timeout" else "was interrupted"
            kept = "names are kept" if done.get("state") else "the kernel was restarted and all names are lost"
            answer["error"] = f"The code {how} and was stopped; {kept}."
        if (done.get("cut") or {}).get("file"):
            answer["whole_output"] = done["cut"]["file"]
        return answer
