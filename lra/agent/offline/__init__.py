"""The offline model: a chat model made of rules, so that lra works with no key and no network.

`intents` and its helpers read text, `plan` turns intents into tool calls and results into answers, `history` and
`model` connect them to Pydantic AI. Everything but the last two is free of it.
"""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    from lra.agent.offline.model import OfflineModel

__all__ = ["OfflineModel"]


def __getattr__(name: str) -> Any:
    # Loaded on first use: reading text must not cost the import of Pydantic AI.
    if name == "OfflineModel":
        from lra.agent.offline.model import OfflineModel

        return OfflineModel
    raise AttributeError(f"module {__name__!r} has no attribute {name!r}")
