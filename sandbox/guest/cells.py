"""Running cells as a notebook does."""

from __future__ import annotations

import ast
import contextlib
import importlib
import inspect
import io
import linecache
import os
import sys
import traceback
from collections.abc import Callable, Sequence
from types import CodeType, ModuleType
from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    import asyncio

_GUEST = os.path.dirname(__file__) + os.sep
_MOST_FRAMES = 200
_MOST_TRACEBACK = 20_000


class Cells:
    """One namespace, and the loop that awaits at top level run in.

    Args:
        module: The user's `__main__`.
        path: Where this interpreter's own modules are.
    """

    def __init__(self, module: ModuleType, path: Sequence[str]) -> None:
        self._names = module.__dict__
        self._count = 0
        self._loop: asyncio.AbstractEventLoop | None = None
        self._path = list(path)

    def run(self, code: str, stdin: str, show: Callable[[Any], None]) -> dict[str, Any]:
        """Run a cell; return its outcome: `ok`, `error`, `exit` or `interrupted`, with details.

        Args:
            code: Python source.
            stdin: What `input()` reads.
            show: Takes the value of the last expression.
        """
        self._count += 1
        name = f"<cell {self._count}>"
        linecache.cache[name] = (len(code), None, code.splitlines(True), name)
        sys.stdin = io.StringIO(stdin)
        try:
            value = self._run(code, name)
            if value is not None:
                self._names["_"] = value
                show(value)
            return {"status": "ok"}
        except SystemExit as stop:
            if stop.code in (None, 0):
                return {"status": "ok", "exit": 0}
            number = stop.code if isinstance(stop.code, int) else 1
            text = f"SystemExit: {stop.code}"
            return {
                "status": "exit",
                "exit": number,
                "name": "SystemExit",
                "message": str(stop.code),
                "traceback": text,
            }
        except KeyboardInterrupt as error:
            return {"status": "interrupted", **_describe(error)}
        except BaseException as error:
            return {"status": "error", **_describe(error)}

    def _run(self, code: str, name: str) -> Any:
        flags = ast.PyCF_ALLOW_TOP_LEVEL_AWAIT
        tree = compile(code, name, "exec", flags | ast.PyCF_ONLY_AST, dont_inherit=True)
        last = None
        if tree.body and isinstance(tree.body[-1], ast.Expr) and not code.rstrip().endswith(";"):
            last = ast.Expression(tree.body.pop().value)
        if tree.body:
            self._evaluate(compile(tree, name, "exec", flags, dont_inherit=True))
        if last is None:
            return None
        return self._evaluate(compile(last, name, "eval", flags, dont_inherit=True))

    def _evaluate(self, code: CodeType) -> Any:
        value = eval(code, self._names)  # noqa: S307, RUF100 - what this process is for
        if not (code.co_flags & inspect.CO_COROUTINE and inspect.iscoroutine(value)):
            return value
        asyncio = self._asyncio()
        if self._loop is None or self._loop.is_closed():
            self._loop = asyncio.new_event_loop()
        asyncio.set_event_loop(self._loop)
        task = self._loop.create_task(value)
        try:
            return self._loop.run_until_complete(task)
        except KeyboardInterrupt:
            task.cancel()
            with contextlib.suppress(RuntimeError):
                self._loop.run_until_complete(asyncio.wait([task], timeout=0.5))
            raise

    def _asyncio(self) -> ModuleType:
        """Return the module, imported only here: the first kernel of a sandbox is there sooner without it."""
        if "asyncio" not in sys.modules:
            # A file of that name in the workspace is not meant.
            path, sys.path[:] = list(sys.path), self._path
            try:
                importlib.import_module("asyncio")
            finally:
                sys.path[:] = path
        return sys.modules["asyncio"]


def missing_input() -> Callable[[object], str]:
    """Return an `input()` that reads what the call was given, and says so when there is nothing."""

    def ask(prompt: object = "", /) -> str:
        if prompt != "":
            sys.stdout.write(str(prompt))
        line = sys.stdin.readline()
        if not line:
            raise EOFError("input() was called, but nobody can type here: give the text as `stdin` of the call")
        sys.stdout.write(line if line.endswith("\n") else line + "\n")
        return line.removesuffix("\n")

    return ask


def _describe(error: BaseException) -> dict[str, Any]:
    """Return name, message and traceback of an error, without frames of the kernel."""
    try:
        whole = traceback.TracebackException(type(error), error, error.__traceback__, limit=_MOST_FRAMES)
        part: traceback.TracebackException | None = whole
        while part is not None:
            part.stack[:] = [frame for frame in part.stack if not frame.filename.startswith(_GUEST)]
            part = part.__cause__ or part.__context__
        if isinstance(error, SyntaxError) and error.filename and error.filename.startswith("<cell "):
            whole.stack.clear()
        lines = whole.format() if whole.stack else whole.format_exception_only()
        text = "".join(lines).rstrip()
        message = str(error)
    except Exception as problem:
        text = message = f"{type(error).__name__} (and its text raised {type(problem).__name__})"
    if len(text) > _MOST_TRACEBACK:
        half = _MOST_TRACEBACK // 2
        text = f"{text[:half]}\n… {len(text) - _MOST_TRACEBACK:,} characters cut …\n{text[-half:]}"
    return {"name": type(error).__name__, "message": message[:_MOST_TRACEBACK], "traceback": text}
