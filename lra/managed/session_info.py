"""What is told of a managed session, the same by every backend."""

from __future__ import annotations

from dataclasses import asdict, dataclass, field
from typing import Any


def _nothing() -> dict[str, int]:
    return {"input_tokens": 0, "output_tokens": 0}


@dataclass(kw_only=True)
class SessionInfo:
    """A managed session; every field is always there."""

    id: str = ""
    """Empty when there is no session."""
    status: str = "unknown"
    """`unknown`, `idle`, `running` or `terminated`."""
    title: str = ""
    usage: dict[str, int] = field(default_factory=_nothing)
    """`input_tokens` and `output_tokens`; what is not given is 0."""

    def __post_init__(self) -> None:
        self.usage = {**_nothing(), **(self.usage or {})}

    def to_dict(self) -> dict[str, Any]:
        """Return it as `retrieve_session` does."""
        return asdict(self)
