"""`lra sessions replay --model`: another model's answers beside the recorded ones."""

from __future__ import annotations

import asyncio
from typing import TYPE_CHECKING, Any

import typer

from lra.cli import notices, output
from lra.cli.work import quiet_libraries
from lra.cli.work import settings as read_settings
from lra.errors import BudgetError
from lra.text import one_line

if TYPE_CHECKING:
    from lra.config import Settings
    from lra.session.rerun import Answer, Rerun


def run_again(session_id: str, model: str, *, since: int, until: int | None, as_json: bool) -> None:
    """Answer a conversation's messages again, and print where the answers part.

    Args:
        session_id: The session's id, or its beginning.
        model: Model string.
        since: Number of the first turn.
        until: Number of the last turn.
        as_json: Whether to print JSON.

    Raises:
        BudgetError: The limit of cost is reached.
    """
    settings = read_settings({"LRA_MODEL": model})
    quiet_libraries()
    code = asyncio.run(_run(settings, session_id, model, since=since, until=until, as_json=as_json))
    if code:
        raise typer.Exit(code)


async def _run(settings: Settings, session_id: str, model: str, *, since: int, until: int | None, as_json: bool) -> int:
    from lra.agent.models import normalise
    from lra.agent.providers import build_model
    from lra.runtime import Runtime
    from lra.session.budget import checked_price
    from lra.session.rerun import rerun, told

    runtime = await Runtime.open(settings)
    try:
        session = await runtime.store.sessions.resolve(session_id)
        name = normalise(model, settings)
        built = await asyncio.to_thread(build_model, name, settings)
        if settings.max_cost is not None:
            checked_price(built)
        done: list[Rerun] = []
        async for turn in rerun(runtime, session.id, built, name, since=since, until=until):
            done.append(turn)
            if not as_json:
                _show(turn, name)
            if settings.max_cost is not None and _cost(done) > settings.max_cost:
                raise BudgetError(f"Stopped after turn {turn.number}: this has cost more than ${settings.max_cost:g}.")
        if as_json:
            output.write_json([_as_json(turn, told) for turn in done])
        else:
            _sum_up(done, name)
        return done[-1].exit_code if done else 0
    finally:
        await runtime.close()


def _show(turn: Rerun, name: str) -> None:
    output.write(f"{turn.number}. {one_line(turn.asked, 200)}")
    if turn.now.error is not None:
        output.write(f"   {name} failed: {turn.now.error}")
        return
    if turn.same:
        output.write("   = the same" + (f", with {_calls(turn.now)}" if turn.now.calls else ""))
        return
    if turn.same_calls:
        calls = f"the same calls: {_calls(turn.now)}" if turn.now.calls else ""
    else:
        calls = f"then {_calls(turn.then)}; now {_calls(turn.now)}"
    if calls:
        output.write(f"   {'=' if turn.same_calls else '≠'} {calls}")
    if turn.same_text:
        output.write("   = the same words")
        return
    from lra.session.rerun import parting

    before, then, now = parting(turn.then.text, turn.now.text)
    lead = f"after “…{before.strip()}” " if before.strip() else ""
    output.write(f"   ≠ the words part {lead}".rstrip())
    output.write(f"     then ({turn.then_model}): {one_line(then, 160) or '(nothing more)'}")
    output.write(f"     now ({name}): {one_line(now, 160) or '(nothing more)'}")


def _calls(answer: Answer) -> str:
    shown = [
        f"{each.name}({', '.join(f'{key}={one_line(str(value), 40)!r}' for key, value in each.args.items())})"
        + ("" if each.recorded else " without a result")
        for each in answer.calls
    ]
    return ", ".join(shown) or "no calls"


def _sum_up(done: list[Rerun], name: str) -> None:
    same = sum(turn.same for turn in done)
    tokens = sum(turn.usage.input_tokens + turn.usage.output_tokens for turn in done)
    cost = f", ${_cost(done):.4f}" if _cost(done) else ""
    notices.say(f"{same} of {len(done)} answers of {name} are the same as then ({tokens:,} tokens{cost}).")


def _cost(done: list[Rerun]) -> float:
    return sum(float(turn.usage.cost or 0) for turn in done)


def _as_json(turn: Rerun, told: Any) -> dict[str, Any]:
    return {
        "turn": turn.number,
        "asked": turn.asked,
        "same": turn.same,
        "same_calls": turn.same_calls,
        "same_text": turn.same_text,
        "then": {"model": turn.then_model, **told(turn.then)},
        "now": told(turn.now),
        "usage": {"input_tokens": turn.usage.input_tokens, "output_tokens": turn.usage.output_tokens},
        "cost": None if turn.usage.cost is None else float(turn.usage.cost),
    }
