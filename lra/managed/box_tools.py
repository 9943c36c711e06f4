"""The tools of a managed agent that work in its sandbox."""

from __future__ import annotations

import posixpath
import shlex
from collections.abc import Mapping
from fnmatch import fnmatchcase
from typing import Any

from pydantic_ai import FunctionToolset, ModelRetry, RunContext, Tool

from lra.managed.selection import IN_SANDBOX, Policy
from lra.tools import sandbox
from lra.tools.deps import AgentDeps

WORKSPACE = "/workspace"
"""Where the workspace is inside every sandbox."""
_MOST_FOUND = 200
_REFUSED = {"consent": "ask", "why": "The configuration says that it is asked about.", "source": "managed"}
_ALLOWED = {"consent": "allow", "source": "managed"}


class BoxTools:
    """The tools of one agent; files that are named relatively lie in its working directory.

    Args:
        folder: The working directory, inside the workspace of the sandbox; empty for the workspace itself.
    """

    def __init__(self, folder: str = "") -> None:
        self._folder = folder

    async def execute_command(self, ctx: RunContext[AgentDeps], command: str, timeout: float = 60.0) -> dict[str, Any]:
        """Run a shell command in the sandbox, in the working directory.

        Args:
            command: What the shell is given.
            timeout: Seconds the command may run.
        """
        if self._folder:
            folder = shlex.quote(self._folder)
            command = f"mkdir -p {folder} && cd {folder} || exit\n{command}"
        return self._inside(await sandbox.run_command(ctx, command, timeout))

    async def execute_code(self, ctx: RunContext[AgentDeps], code: str, timeout: float = 60.0) -> dict[str, Any]:
        """Run Python in the sandbox. Names persist between calls, as in a notebook; the last value is returned.

        Args:
            code: Python source.
            timeout: Seconds the code may run.
        """
        if self._folder:
            # A new kernel stands in the workspace again.
            folder = repr(f"{WORKSPACE}/{self._folder}")
            there = f"import os\nos.makedirs({folder}, exist_ok=True)\nos.chdir({folder})"
            await sandbox.execute_code(ctx, there, timeout)
        return self._inside(await sandbox.execute_code(ctx, code, timeout))

    async def read_file(self, ctx: RunContext[AgentDeps], path: str) -> dict[str, Any]:
        """Read a text file of the sandbox.

        Args:
            path: Where it is.
        """
        return await sandbox.read_file(ctx, self._path(path))

    async def write_file(self, ctx: RunContext[AgentDeps], path: str, content: str) -> dict[str, Any]:
        """Write a text file of the sandbox, in place of what was there.

        Args:
            path: Where it goes.
            content: What it holds.
        """
        return {**await sandbox.write_file(ctx, self._path(path), content), "path": path}

    async def edit_file(
        self, ctx: RunContext[AgentDeps], path: str, old_text: str, new_text: str, replace_all: bool = False
    ) -> dict[str, Any]:
        """Replace a piece of a text file of the sandbox.

        Args:
            path: Where it is.
            old_text: What is replaced, exactly as it stands there.
            new_text: What comes in its place.
            replace_all: Whether every occurrence is meant; else there may be only one.
        """
        if not old_text:
            raise ModelRetry("old_text is empty: write_file makes a new file.")
        found = await sandbox.read_file(ctx, self._path(path))
        if "error" in found:
            return found
        if not found["complete"]:
            return {"error": f"{path} is too long to be edited: use execute_command."}
        text, count = str(found["content"]), str(found["content"]).count(old_text)
        if count == 0:
            return {"error": f"old_text does not stand in {path}."}
        if count > 1 and not replace_all:
            return {"error": f"old_text stands in {path} {count} times: name more of it, or say replace_all."}
        written = await sandbox.write_file(ctx, self._path(path), text.replace(old_text, new_text))
        return {**written, "path": path, "replaced": count}

    async def list_files(self, ctx: RunContext[AgentDeps], path: str = ".") -> dict[str, Any]:
        """List files of the sandbox, with those in folders below.

        Args:
            path: A folder.
        """
        return self._inside(await sandbox.list_files(ctx, self._path(path)))

    async def find_files(self, ctx: RunContext[AgentDeps], pattern: str, path: str = ".") -> dict[str, Any]:
        """Find files of the sandbox by their names.

        Args:
            pattern: What the path below the folder looks like: `*` and `?` stand for others, `**/` for any folders.
            path: The folder to look in.
        """
        found = self._inside(await sandbox.list_files(ctx, self._path(path)))
        if "entries" not in found:
            return found
        below = "" if path in {"", "."} else path.rstrip("/") + "/"
        names = [str(each["path"]) for each in found["entries"] if each["type"] == "file"]
        hits = [name for name in names if _fits(name.removeprefix(below), pattern)]
        return {"files": hits[:_MOST_FOUND], "complete": found["complete"] and len(hits) <= _MOST_FOUND}

    async def search_files(self, ctx: RunContext[AgentDeps], pattern: str, path: str = ".") -> dict[str, Any]:
        """Find lines in files of the sandbox.

        Args:
            pattern: Extended regular expression, as grep takes it.
            path: A file, or a folder with what is below it.
        """
        found = await self.execute_command(
            ctx, f"grep -rnIE -m {_MOST_FOUND} -e {shlex.quote(pattern)} -- {shlex.quote(path)}"
        )
        found.pop("files", None)
        # 1 is what grep says when there is nothing to be found.
        if found.get("exit") == 1 and not found.get("stderr"):
            return {"lines": []}
        lines = str(found.get("stdout", "")).splitlines()
        return {"lines": lines[:_MOST_FOUND]} if lines else found

    def _path(self, path: str) -> str:
        return posixpath.join(self._folder, path) if self._folder else path

    def _inside(self, found: dict[str, Any]) -> dict[str, Any]:
        """Name files as they are named in the working directory."""
        if self._folder:
            start = f"{self._folder}/"
            for each in (*found.get("entries", ()), *found.get("files", ())):
                each["path"] = str(each["path"]).removeprefix(start)
        return found


def _fits(path: str, pattern: str) -> bool:
    if pattern.startswith("**/"):
        pattern = pattern.removeprefix("**/")
        parts = path.split("/")
        return any(_fits("/".join(parts[number:]), pattern) for number in range(len(parts)))
    return path.count("/") == pattern.count("/") and fnmatchcase(path, pattern)


def box_toolset(
    policies: Mapping[str, Policy], *, folder: str, confirmed: bool, about: str
) -> FunctionToolset[AgentDeps]:
    """Return those tools that an agent has.

    Args:
        policies: All tools it has, and whether their calls are asked about.
        folder: Its working directory inside the workspace.
        confirmed: Whether there is somebody who is asked about every call that is not always allowed.
        about: What the model is told of the sandbox.
    """
    box = BoxTools(folder)
    tools = [
        Tool(
            getattr(box, name),
            name=name,
            metadata=_REFUSED if policies[name] == "ask" or (confirmed and policies[name] is None) else _ALLOWED,
        )
        for name in IN_SANDBOX
        if name in policies
    ]
    # One after the other: they share one folder.
    return FunctionToolset(tools, id="managed-sandbox", sequential=True, instructions=about)
