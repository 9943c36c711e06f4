"""Specialists: whom the agent can hand a task to."""

from __future__ import annotations

import re
from collections.abc import Callable
from dataclasses import dataclass
from importlib.resources import files
from pathlib import Path
from typing import Any

from lra.errors import UsageError

MOST = 50
"""Specialists a session may have; each one is a tool that the model reads about in every request."""
MAX_REQUESTS = 20
MAX_SECONDS = 600.0
_NAME = re.compile(r"[a-z][a-z0-9_-]{0,39}")
_SANDBOX = (
    "execute_code",
    "run_command",
    "read_file",
    "write_file",
    "list_files",
    "create_sandbox",
)
_LOOKING = ("search_memory", "get_recent_conversations", "web_search", "web_fetch")


@dataclass(frozen=True, slots=True, kw_only=True)
class Specialist:
    """Somebody the agent hands a task to: instructions and tools of its own, and a history of its own."""

    name: str
    """What it is called: small letters, digits, `-` and `_`."""
    description: str
    """When to hand it a task; the model reads this."""
    instructions: str
    """What it is told."""
    model: str | None = None
    """Model string; by default the model of the conversation."""
    tools: tuple[str | Callable[..., Any], ...] | None = None
    """Names of tools of the session, and functions of its own; None for all but handing tasks on."""
    max_requests: int = MAX_REQUESTS
    """Model requests it may make."""
    max_seconds: float = MAX_SECONDS
    """How long it may work."""
    source: str = "library"
    """Where it was defined: `built-in`, `user`, `project`, `agent` or `library`."""
    path: Path | None = None
    """The file it was read from."""

    def __post_init__(self) -> None:
        if not _NAME.fullmatch(self.name):
            raise UsageError(
                f"{self.name!r} is no name for a specialist.", hint="Use small letters, digits, - and _, 40 at most."
            )
        for what in ("description", "instructions"):
            if not getattr(self, what).strip():
                raise UsageError(f"The specialist {self.name} has no {what}.")
        if self.max_requests < 1 or self.max_seconds <= 0:
            raise UsageError(f"The limits of the specialist {self.name} must be above 0.")

    @property
    def tool(self) -> str:
        """The tool that hands it a task."""
        return f"delegate_{self.name.replace('-', '_')}_task"

    @property
    def named_tools(self) -> frozenset[str] | None:
        """Tools of the session it may use; None for all but handing tasks on."""
        return None if self.tools is None else frozenset(tool for tool in self.tools if isinstance(tool, str))

    @property
    def functions(self) -> tuple[Callable[..., Any], ...]:
        """Functions of its own."""
        return tuple(tool for tool in self.tools or () if not isinstance(tool, str))


def _told(name: str) -> str:
    return files("lra.agent").joinpath("prompts", f"{name}.md").read_text("utf-8").strip()


# Read with the module, so that opening a session on the event loop touches no file of ours.
BUILT_IN: tuple[Specialist, ...] = (
    Specialist(
        name="code",
        description="Hand a programming task to the code specialist: it writes code, runs it in the sandbox, tests it"
        " and reports what it found.",
        instructions=_told("code"),
        tools=_SANDBOX,
        source="built-in",
    ),
    Specialist(
        name="research",
        description="Hand a question to the research specialist: it looks through memory, earlier conversations and,"
        " where it may, the web, and reports with sources.",
        instructions=_told("research"),
        tools=_LOOKING,
        source="built-in",
    ),
)
