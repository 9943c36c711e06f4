"""`run_agent`: one persistent turn, for library users."""

from __future__ import annotations

import asyncio
from collections.abc import Sequence
from typing import TYPE_CHECKING

from lra.config import load_settings
from lra.errors import BudgetError, ExitCode, InterruptedTurnError, LraError, RefusedError
from lra.events import TurnFinished
from lra.runtime import Runtime
from lra.session.session import Session
from lra.session.sync import run_sync

if TYPE_CHECKING:
    from pydantic_ai.messages import ModelMessage

    from lra.agent.custom import CustomAgent
    from lra.tools.deps import AgentDeps


async def run_agent(
    prompt: str,
    deps: AgentDeps,
    message_history: Sequence[ModelMessage] | None = None,
    *,
    model: str | None = None,
    agent: CustomAgent | None = None,
) -> tuple[str, list[ModelMessage]]:
    """Run one turn and persist it in the session that `deps` names.

    Args:
        prompt: The person's message.
        deps: The stores and the session id; the session is created when it does not exist.
        message_history: Messages to continue from; by default the session's own.
        model: Model string; by default what the settings choose.
        agent: An agent of your own, from `create_agent`.

    Returns:
        The answer, and all messages of the conversation.

    Raises:
        LraError: The turn did not complete; its `exit_code` says how.
    """
    runtime = Runtime(await asyncio.to_thread(load_settings), deps.structured_store, deps.require_memory())
    session = await Session.open(
        runtime,
        model=model,
        origin="library",
        session_id=deps.session_id,
        agent=agent,
        approver=deps.approve,
    )
    try:
        finished: TurnFinished | None = None
        async for event in session.send(prompt, history=message_history):
            if deps.emit is not None:
                deps.emit(event)
            if isinstance(event, TurnFinished):
                finished = event
        assert finished is not None
        if finished.outcome != "completed":
            raise error_of(finished)
        deps.remembered.extend(finished.remembered)
        return finished.output, session.last_messages
    finally:
        await session.close(summarize=False)
        await runtime.workshop.close()


def run_agent_sync(
    prompt: str,
    deps: AgentDeps,
    message_history: Sequence[ModelMessage] | None = None,
    *,
    model: str | None = None,
    agent: CustomAgent | None = None,
) -> tuple[str, list[ModelMessage]]:
    """Run one turn as `run_agent` does, and wait for it; works in a notebook too.

    Args:
        prompt: As of `run_agent`.
        deps: As of `run_agent`.
        message_history: As of `run_agent`.
        model: As of `run_agent`.
        agent: As of `run_agent`.

    Raises:
        LraError: The turn did not complete.
    """
    return run_sync(run_agent(prompt, deps, message_history, model=model, agent=agent))


def error_of(finished: TurnFinished) -> LraError:
    """Return what to raise for a turn that did not complete.

    Args:
        finished: Its last event.
    """
    message = finished.error or f"The turn ended as {finished.outcome}."
    kinds: dict[str, type[LraError]] = {
        "interrupted": InterruptedTurnError,
        "refused": RefusedError,
        "budget": BudgetError,
    }
    error = kinds.get(finished.outcome, LraError)(message)
    error.exit_code = ExitCode(finished.exit_code)
    return error
