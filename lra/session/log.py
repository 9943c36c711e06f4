"""What a turn leaves in the log: how it went wrong, and nothing that was said."""

from __future__ import annotations

import logging

from lra.events import Event, ModelSwitched, Retrying, ToolFinished, TurnFinished

logger = logging.getLogger("lra.session")


def note(event: Event) -> None:
    """Log an event that somebody who looks for a cause wants to know of."""
    where = f"session {event.session_id} turn {event.turn_id}"
    match event:
        case Retrying():
            logger.info("%s: the request is sent again (attempt %d, in %.0f s)", where, event.attempt, event.seconds)
        case ModelSwitched():
            logger.warning("%s: %s takes over", where, event.model)
        case ToolFinished(outcome="failed" | "retried"):
            logger.info("%s: the tool %s %s", where, event.name, event.outcome)
        case TurnFinished(outcome="failed" | "budget" | "refused"):
            logger.warning("%s: %s, exit code %d", where, event.outcome, event.exit_code)
