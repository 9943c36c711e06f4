"""`lra memory search`: one question, or a file of them."""

from __future__ import annotations

from time import perf_counter
from typing import TYPE_CHECKING, Annotated, Any, Literal

import typer

from lra.cli import files, output
from lra.cli.options import Json, SessionOption, at_most, moment, required_text
from lra.cli.work import with_memory
from lra.errors import UsageError

if TYPE_CHECKING:
    from lra.memory import Hit, Memory

Scope = Literal["memories", "turns", "sessions", "all", "recall"]


def search(
    query: Annotated[list[str] | None, typer.Argument(metavar="WORD", help="What to look for.")] = None,
    scope: Annotated[
        Scope, typer.Option("--scope", help="Where to look; recall shows what a conversation would be given.")
    ] = "all",
    limit: Annotated[int, at_most("Only the best so many.")] = 10,
    since: Annotated[
        str | None, typer.Option("--since", metavar="TIME", help="Only from then on, such as 2026-01-31.")
    ] = None,
    until: Annotated[str | None, typer.Option("--until", metavar="TIME", help="Only from before that.")] = None,
    as_of: Annotated[
        str | None, typer.Option("--as-of", metavar="TIME", help="Memories that held at that time.")
    ] = None,
    session: SessionOption = None,
    batch: Annotated[
        str | None, typer.Option("--batch", metavar="FILE", help="Queries as JSON lines; - is standard input.")
    ] = None,
    timing: Annotated[
        bool, typer.Option("--timing", help="With --batch: how many milliseconds each query took.")
    ] = False,
    as_json: Json = False,
) -> None:
    """Search memories and past conversations, best first."""
    recall = scope == "recall"
    if recall and (session or since or until or as_of):
        raise UsageError("--scope recall takes no filters: a conversation looks at everything.")
    if timing and batch is None:
        raise UsageError("--timing belongs to --batch.")
    common: dict[str, Any] = {
        "scope": scope,
        "limit": limit,
        "since": moment(since, "--since"),
        "until": moment(until, "--until"),
        "as_of": moment(as_of, "--as-of"),
    }
    if batch is not None:
        if query:
            raise UsageError("--batch brings its own queries.", hint="Leave out the words.")
        _search_batch(batch, common, session, recall=recall, timing=timing)
        return
    words = required_text(" ".join(query or ()), "The query")

    async def work(memory: Memory) -> list[Hit]:
        if recall:
            return await memory.recall(words, local=True)
        return await memory.search(words, **common, session=await _session_id(memory, session))

    hits = [hit.to_dict() for hit in with_memory(work)]
    if as_json:
        output.write_json(hits)
        return
    rows = [(f"{hit['score']:.2f}", hit["kind"], hit["id"], hit["created_at"][:10], _content(hit)) for hit in hits]
    columns = ("SCORE", "KIND", "ID", "DATE", "CONTENT")
    output.write_table(columns, rows, wide="CONTENT", empty="Nothing was found.")


def _search_batch(path: str, common: dict[str, Any], session: str | None, *, recall: bool, timing: bool) -> None:
    from lra.cli.batch import parse_queries

    queries = parse_queries(files.read_text(path), path)
    if recall and (told := next((query for query in queries if query.options), None)) is not None:
        raise UsageError(f"The query {told.qid!r} brings filters, which --scope recall does not take.")

    async def work(memory: Memory) -> None:
        common["session"] = await _session_id(memory, session)
        await memory.warm()
        for query in queries:
            began = perf_counter()
            if recall:
                hits = await memory.recall(query.text, local=True)
            else:
                hits = await memory.search(query.text, **{**common, **query.options})
            took = {"ms": round((perf_counter() - began) * 1000, 3)} if timing else {}
            output.write_json({"qid": query.qid, **took, "hits": [hit.to_dict() for hit in hits]}, line=True)

    with_memory(work)


def _content(hit: dict[str, Any]) -> str:
    changed = f" [since changed: {hit['changed']}]" if "changed" in hit else ""
    return f"{hit['content']}{changed}"


async def _session_id(memory: Memory, session: str | None) -> str | None:
    return (await memory.store.sessions.resolve(session)).id if session else None
