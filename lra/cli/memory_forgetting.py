"""`lra memory forget`: erasing for good, shown first and proved afterwards."""

from __future__ import annotations

from typing import TYPE_CHECKING, Annotated

import typer

from lra.cli import notices, output
from lra.cli.ids import memory_ids as complete_ids
from lra.cli.options import Json, SessionOption, Yes, as_text, confirm, moment, required_text
from lra.cli.work import settings, with_memory
from lra.errors import NotFoundError, UsageError
from lra.text import one_line

if TYPE_CHECKING:
    from lra.memory import Memory
    from lra.memory.erasing import Plan
    from lra.store.forgetting import Forgotten

_SHOWN = 20


def forget(
    memory_ids: Annotated[
        list[str] | None,
        typer.Argument(
            metavar="ID",
            help="Memories or messages, by id or its beginning.",
            autocompletion=complete_ids,
            callback=as_text,
        ),
    ] = None,
    query: Annotated[
        str | None, typer.Option("--query", metavar="WORDS", help="Everything that holds all of these words.")
    ] = None,
    session: SessionOption = None,
    before: Annotated[
        str | None, typer.Option("--before", metavar="TIME", help="Everything from before, conversations included.")
    ] = None,
    yes: Yes = False,
    as_json: Json = False,
) -> None:
    """Erase memories, messages or a conversation, with every copy of their words, backups included."""
    if not (memory_ids or query or session or before):
        raise UsageError("Say what to forget.", hint="Name ids, --query WORDS, --session ID or --before TIME.")
    typed = settings(quiet=True).home / "history"
    until = moment(before, "--before")
    words = required_text(query, "The query") if query is not None else None

    async def look(memory: Memory) -> Plan:
        return await memory.eraser.plan(
            memory_ids or [],
            query=words,
            session=session or None,
            before=until,
            files=[typed],
        )

    plan = with_memory(look)
    if plan.empty:
        raise NotFoundError("There is nothing of that kind to forget.")
    _preview(plan)
    confirm(f"Forget {plan.sentence()} for good, everywhere?", yes)

    async def work(memory: Memory) -> Forgotten:
        return await memory.forget_planned(plan)

    _print(plan, with_memory(work), as_json)


def _preview(plan: Plan) -> None:
    # A memory may be there with the words it was taken from as well; its own are the last.
    targets = list({target.id: target for target in plan.erasure.targets}.values())
    for target in targets[:_SHOWN]:
        notices.say(f"{target.id}: {one_line(target.content)}")
    if len(targets) > _SHOWN:
        notices.say(f"… and {len(targets) - _SHOWN} more")
    if plan.also:
        what = "1 of them is an earlier value" if plan.also == 1 else f"{plan.also} of them are earlier values"
        notices.say(f"{what} of it, or {'was' if plan.also == 1 else 'were'} derived from it.")
    for session in plan.erasure.sessions:
        notices.say(f"The whole conversation {session}: {plan.messages} messages")
    if plan.erasure.before is not None and plan.messages:
        notices.say(f"{plan.messages} messages of conversations from before then")


def _print(plan: Plan, forgotten: Forgotten, as_json: bool) -> None:
    receipt = forgotten.receipt
    if as_json:
        output.write_json(
            {
                "forgotten": list(dict.fromkeys(target.id for target in plan.erasure.targets)),
                "sessions": list(plan.erasure.sessions),
                "rows": forgotten.rows,
                "conversations": forgotten.sessions,
                "still_mentioned": forgotten.still_mentioned,
                "receipt": receipt.to_dict(),
            }
        )
    else:
        ids = list(dict.fromkeys(target.id for target in plan.erasure.targets))
        done = f"{ids[0]} forgotten" if len(ids) == 1 and not plan.messages else f"{plan.sentence()} forgotten"
        for line in [*forgotten.sentences(done), *receipt.sentences()]:
            output.write(line)
    if not receipt.complete:
        from lra.errors import BusyError

        raise BusyError("Something is left.", hint="The next start of lra finishes it.")
