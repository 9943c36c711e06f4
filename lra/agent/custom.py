"""What makes an agent of one's own: the parts a session is opened with."""

from __future__ import annotations

import re
import traceback
from collections.abc import Callable, Iterator
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING, Any

from pydantic_ai import Agent, FunctionToolset, RunContext, Tool
from pydantic_ai.exceptions import AgentRunError, ToolFailed, UserError
from pydantic_ai.toolsets import AbstractToolset, ToolsetTool, WrapperToolset

from lra.agent.specialists import Specialist
from lra.errors import LraError, UsageError
from lra.text import clean_text, one_line
from lra.tools.deps import AgentDeps

if TYPE_CHECKING:
    from pydantic_ai.capabilities import AbstractCapability

    from lra.tools.workbench import Workbench

DEFAULT_NAME = "lra"
_LIBRARY = Path(__file__).parents[1]
_NAME = re.compile(r"[A-Za-z][\w-]{0,59}")


@dataclass(frozen=True, slots=True, kw_only=True)
class Definition:
    """An agent: what it is told, what it can do and what it answers with."""

    name: str = DEFAULT_NAME
    instructions: str | None = None
    """Replaces the built-in instructions."""
    model: str | None = None
    """Model string, unless the person names one."""
    tools: tuple[Callable[..., Any] | Tool[AgentDeps], ...] = ()
    toolsets: tuple[AbstractToolset[AgentDeps], ...] = ()
    capabilities: tuple[AbstractCapability[AgentDeps], ...] = ()
    specialists: tuple[Specialist, ...] = ()
    output_type: Any = str
    folder: Path | None = None
    """Where its files are, when it has a folder."""
    alone: bool = False
    """Whether it has nothing but this: no tools of the program, of servers and of files, and no specialists."""
    workbench: Workbench | None = None
    """With `alone`, its sandbox."""

    def __post_init__(self) -> None:
        if not _NAME.fullmatch(self.name):
            raise UsageError(
                f"{self.name!r} is no name for an agent.", hint="Use letters, digits, - and _, 60 at most."
            )
        for toolset in self.toolsets:
            if not isinstance(toolset, AbstractToolset):
                raise UsageError(f"{one_line(repr(toolset), 60)} is no toolset of Pydantic AI.")
        for capability in self.capabilities:
            if not callable(capability) and not hasattr(capability, "for_run"):
                raise UsageError(f"{one_line(repr(capability), 60)} is no capability of Pydantic AI.")

    def own_toolsets(self) -> Iterator[AbstractToolset[AgentDeps]]:
        """Return its tools as toolsets whose failures name the line of the person's own file.

        Raises:
            UsageError: A function is no tool.
        """
        if self.tools:
            try:
                functions = FunctionToolset[AgentDeps](
                    list(self.tools),
                    id="agent",
                    metadata={"consent": "allow", "why": f"It is a tool of {self.name}.", "source": "agent"},
                )
            except UserError as error:
                raise UsageError(f"A tool of {self.name} cannot be used: {one_line(str(error), 300)}") from error
            yield _Pointing(functions, self.folder)
        for toolset in self.toolsets:
            yield _Pointing(toolset, self.folder)


class CustomAgent(Agent[AgentDeps, Any]):
    """A Pydantic AI agent that knows what it was made of, so that a session can be opened with it."""

    definition: Definition


@dataclass
class _Pointing(WrapperToolset[AgentDeps]):
    """Tools of a person's own: when one fails, the model and the person are told where."""

    folder: Path | None = None

    async def call_tool(
        self, name: str, tool_args: dict[str, Any], ctx: RunContext[AgentDeps], tool: ToolsetTool[AgentDeps]
    ) -> Any:
        try:
            return await super().call_tool(name, tool_args, ctx, tool)
        except (AgentRunError, UserError, LraError):
            raise
        except Exception as error:
            # Errors of Pydantic AI that steer the run, such as ModelRetry, are no failures.
            if type(error).__module__.startswith("pydantic_ai"):
                raise
            raise ToolFailed(clean_text(f"{name} failed: {pointed(error, self.folder)}")) from error


def pointed(error: BaseException, folder: Path | None = None) -> str:
    """Return an error as one sentence with the line it came from.

    Args:
        error: What was raised.
        folder: Lines in here are preferred to those of the libraries they call.
    """
    what = f"{type(error).__name__}: {one_line(str(error), 500)}" if str(error) else type(error).__name__
    if isinstance(error, LraError):
        what = error.message.rstrip(".")
    if isinstance(error, SyntaxError) and error.filename:
        what = f"{type(error).__name__}: {error.msg}"
        return f"{_named(Path(error.filename), folder)}, line {error.lineno or 1}: {what}"
    # Without the source lines, which would be read from the disk.
    frames = [(Path(frame.f_code.co_filename), line) for frame, line in traceback.walk_tb(error.__traceback__)]
    own = [each for each in frames if folder is not None and each[0].is_relative_to(folder)]
    theirs = own or [each for each in frames if _is_own(each[0])]
    if not theirs:
        return what
    path, line = theirs[-1]
    return f"{_named(path, folder)}, line {line}: {what}"


def _is_own(path: Path) -> bool:
    libraries = ("site-packages", "importlib", "asyncio")
    return (
        path.is_absolute() and not path.is_relative_to(_LIBRARY) and not any(name in path.parts for name in libraries)
    )


def _named(path: Path, folder: Path | None) -> str:
    return str(path.relative_to(folder)) if folder is not None and path.is_relative_to(folder) else str(path)
