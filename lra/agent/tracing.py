"""Optional tracing to Logfire, for those who set a token."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    from pydantic_ai import Agent


def trace(agent: Agent[Any, Any], token: str) -> str | None:
    """Send spans of this agent's runs to Logfire; nothing else in the process is instrumented.

    Args:
        agent: The agent of a session.
        token: `LOGFIRE_TOKEN`.

    Returns:
        None, or the sentence that says why there is no tracing.
    """
    try:
        import logfire
    except ImportError:
        return "LOGFIRE_TOKEN is set but tracing is not installed: pip install 'lra[tracing]'."
    client = logfire.configure(local=True, token=token, service_name="lra", console=False, inspect_arguments=False)
    client.instrument_pydantic_ai(agent)
    return None
