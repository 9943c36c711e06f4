"""Full-text search in SQLite's FTS5: what is indexed and how it is asked.

Text in scripts written without spaces (Chinese, Japanese, Thai and their neighbours) is indexed a second time as
bigrams, since a word tokenizer sees a whole sentence of it as one word.
"""

from __future__ import annotations

import json
import re
import unicodedata
from collections.abc import Sequence
from dataclasses import dataclass, field
from typing import Literal

from sqlalchemy import Connection

from lra.store.clock import now_us
from lra.store.sqlite import raw

Corpus = Literal["memories", "journal"]

# Han, Hiragana, Katakana, Bopomofo, Thai, Lao, Myanmar, Khmer, Tibetan, with their extensions.
_UNSPACED = re.compile(
    "[\u0e00-\u0eff\u0f00-\u0fff\u1000-\u109f\u1780-\u17ff\u3040-\u30ff\u3100-\u312f\u31a0-\u31ff\u3400-\u4dbf"
    "\u4e00-\u9fff\uf900-\ufaff\U00020000-\U0003ffff]+"
)
_WORD = re.compile(r"\w+")


def fold(text_: str) -> str:
    """Return the compatibility form that both the index and the queries use."""
    return unicodedata.normalize("NFKC", text_)


def grams(text_: str) -> str:
    """Return the bigrams of every run of unspaced script, separated by spaces; runs by a line break."""
    if text_.isascii():
        return ""
    # Each run ends with its last character alone, so that a one-character word is found by prefix wherever it stands.
    return "\n".join(" ".join([*_bigrams(run), run[-1]]) for run in _UNSPACED.findall(fold(text_)))


def _bigrams(run: str) -> list[str]:
    return [run[i : i + 2] for i in range(len(run) - 1)] or [run]


@dataclass(frozen=True, slots=True)
class QueryTerms:
    """What a query asks for: words of spaced scripts, and runs of unspaced ones."""

    words: tuple[str, ...] = ()
    runs: tuple[str, ...] = ()

    @classmethod
    def parse(cls, query: str) -> QueryTerms:
        """Split a question into distinct terms, in order."""
        folded = fold(query)
        runs = tuple(dict.fromkeys(_UNSPACED.findall(folded)))
        rest = _UNSPACED.sub(" ", folded) if runs else folded
        return cls(words=tuple(dict.fromkeys(_WORD.findall(rest.lower()))), runs=runs)

    def __bool__(self) -> bool:
        return bool(self.words or self.runs)

    def match(self) -> str:
        """Return an FTS5 expression that finds a row with any of the terms."""
        parts = [f'content : "{word}"' for word in self.words]
        for run in self.runs:
            pairs = _bigrams(run)
            if len(run) == 1:
                parts.append(f'grams : "{run}"*')
            else:
                parts.extend(f'grams : "{pair}"' for pair in dict.fromkeys(pairs))
        return " OR ".join(parts)


_NOT_IN_CONTEXT = """(
    d.session_id IS NULL OR d.session_id != :here OR d.source = 'user'
    OR (d.turn_id IS NOT NULL AND NOT EXISTS (
        SELECT 1 FROM journal j WHERE j.turn_id = d.turn_id AND j.seq > :after AND j.hidden = 0))
    OR (d.source != 'summary' AND EXISTS (
        SELECT 1 FROM memory_history h WHERE h.memory_id = d.id AND h.action = 'edited' AND h.actor = 'user'))
)"""


@dataclass(frozen=True, slots=True)
class Context:
    """What a session's model reads already: its rows behind a place in the journal."""

    session: str
    after: int = 0

    def where(self, corpus: Corpus) -> tuple[str, dict[str, object]]:
        """Return the SQL condition that leaves it out, as `Filters.where` does.

        What the model wrote into memory stands where it wrote it; what a person writes or edits by hand does not.
        """
        values: dict[str, object] = {"here": self.session, "after": self.after}
        if corpus == "journal":
            return "(d.session_id != :here OR d.seq <= :after)", values
        return _NOT_IN_CONTEXT, values


@dataclass(frozen=True, slots=True)
class Filters:
    """Which rows count; None means no restriction."""

    session: str | None = None
    exclude_session: str | None = None
    context: Context | None = None
    """Nothing that stands there."""
    namespace: str | None = None
    namespaces: tuple[str, ...] = ()
    """Any of these; with `namespace`, that one alone."""
    kinds: tuple[str, ...] = field(default=())
    summaries: bool = True
    """Whether summaries of conversations count beside what was kept on purpose."""
    since: int | None = None
    until: int | None = None
    """Microseconds since the epoch; `since` inclusive, `until` exclusive."""
    as_of: int | None = None
    """Only facts valid at this moment."""
    agent: str | None = None
    """Only what this agent may see; None: everything, as for the person."""
    remote: bool = False
    """Whether the reader is a model elsewhere, which local-only memories never reach."""

    @property
    def broad(self) -> bool:
        """Whether most rows are likely to count."""
        return self.session is None and self.since is None and self.until is None and not self.kinds

    def where(self, corpus: Corpus) -> tuple[str, dict[str, object]]:
        """Return SQL conditions on alias `d` of the corpus's table, and their parameters."""
        sql: list[str] = []
        params: dict[str, object] = {}

        def add(condition: str, **values: object) -> None:
            sql.append(condition)
            params.update(values)

        if self.session is not None:
            add("d.session_id = :session", session=self.session)
        if self.exclude_session is not None:
            add("(d.session_id IS NULL OR d.session_id != :exclude)", exclude=self.exclude_session)
        if self.context is not None:
            condition, values = self.context.where(corpus)
            add(condition, **values)
        if self.since is not None:
            add("d.created_at >= :since", since=self.since)
        if self.until is not None:
            add("d.created_at < :until", until=self.until)
        if corpus == "journal":
            add("d.hidden = 0")
            if self.as_of is not None:
                add("d.created_at <= :as_of", as_of=self.as_of)
            return " AND ".join(sql), params
        if self.namespace is not None:
            add("d.namespace = :namespace", namespace=self.namespace)
        elif self.namespaces:
            spaces = {f"space{i}": space for i, space in enumerate(self.namespaces)}
            add(f"d.namespace IN ({', '.join(f':{name}' for name in spaces)})", **spaces)
        if self.agent is not None:
            add("(d.agent IS NULL OR d.agent = :agent)", agent=self.agent)
        if self.remote:
            add("d.local_only = 0")
        if not self.summaries:
            add("d.kind != 'summary'")
        if self.kinds:
            names = {f"kind{i}": kind for i, kind in enumerate(self.kinds)}
            add(f"d.kind IN ({', '.join(f':{name}' for name in names)})", **names)
        if self.as_of is None:
            add("d.superseded_by IS NULL AND (d.valid_to IS NULL OR d.valid_to > :now)", now=now_us())
        else:
            add(
                "coalesce(d.valid_from, d.created_at) <= :as_of AND (d.valid_to IS NULL OR d.valid_to > :as_of)",
                as_of=self.as_of,
            )
        return " AND ".join(sql), params


def index_row(connection: Connection, corpus: Corpus, seq: int, content: str) -> None:
    """Add or replace one row's words."""
    connection.exec_driver_sql(
        f"INSERT OR REPLACE INTO {corpus}_fts(rowid, content, grams) VALUES (?, ?, ?)",
        (seq, fold(content), grams(content)),
    )


def index_rows(connection: Connection, corpus: Corpus, rows: Sequence[tuple[int, str]]) -> None:
    """Add many rows' words."""
    if rows:
        raw(connection).executemany(
            f"INSERT OR REPLACE INTO {corpus}_fts(rowid, content, grams) VALUES (?, ?, ?)",
            [(seq, fold(content), grams(content)) for seq, content in rows],
        )


def drop_rows(connection: Connection, corpus: Corpus, seqs: Sequence[int]) -> None:
    """Remove rows' words from the index; their traces go with `purge`."""
    if seqs:
        connection.exec_driver_sql(f"DELETE FROM {corpus}_fts WHERE rowid = ?", [(seq,) for seq in seqs])


def purge(connection: Connection) -> None:
    """Merge the indexes so that deleted words are gone from their pages (FTS5 keeps them until then)."""
    for corpus in ("memories", "journal"):
        connection.exec_driver_sql(f"INSERT INTO {corpus}_fts({corpus}_fts) VALUES ('optimize')")


def allowed(connection: Connection, corpus: Corpus, seqs: Sequence[int], *, filters: Filters) -> set[int]:
    """Return which of these rows exist and count."""
    where, params = filters.where(corpus)
    # In this order, whatever the planner thinks of an index on a filter.
    query = (
        f"SELECT json_group_array(d.seq) FROM json_each(:seqs) j CROSS JOIN {corpus} d ON d.seq = j.value"
        f" {f'WHERE {where}' if where else ''}"
    )
    (packed,) = raw(connection).execute(query, {"seqs": json.dumps(list(seqs)), **params}).fetchone()
    return set(json.loads(packed))


def in_session(connection: Connection, corpus: Corpus, session: str) -> list[int]:
    """Return the rows of one session."""
    query = f"SELECT group_concat(seq) FROM {corpus} WHERE session_id = ?"
    (packed,) = raw(connection).execute(query, (session,)).fetchone()
    return list(map(int, packed.split(","))) if packed else []
