"""What a conversation was asked to be on the command line."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Literal

OutputFormat = Literal["text", "json", "stream-json"]
Approve = Literal["ask", "auto", "deny"]


@dataclass(frozen=True, slots=True, kw_only=True)
class ChatOptions:
    """The options of `lra chat`, parsed and checked."""

    prompt: str | None = None
    """The text of the one turn in print mode, cleaned; never blank there."""
    piped: bool = False
    """Whether what is piped in is added to the prompt."""
    print_mode: bool = False
    """One turn, no terminal."""
    continue_latest: bool = False
    """Go on with the latest session of this folder, else overall."""
    resume: str | None = None
    """Id, or the beginning of an id, of the session to open."""
    fork: bool = False
    """Open a copy of the session instead of the session itself."""
    model: str | None = None
    output_format: OutputFormat = "text"
    approve: Approve | None = None
    """None leaves it to `LRA_APPROVAL`."""
    max_cost: float | None = None
    """US dollars; above 0."""
    workspace: str | None = None
    """`PATH`, `PATH:ro` or `PATH:rw`: a folder the sandbox gets a copy of."""
    agent: str | None = None
    """The file of an agent of one's own."""
    own_memory: bool = False
    """That agent has a record of its own."""
    memory: bool = True
    plain: bool = False
