"""The schema as SQLAlchemy tables; `migrations/` creates it, this module queries it.

Times are integers: microseconds since the epoch, UTC. Order always comes from an autoincremented key, so it never
depends on a clock.
"""

from __future__ import annotations

from sqlalchemy import (
    Column,
    Float,
    ForeignKey,
    Index,
    Integer,
    LargeBinary,
    MetaData,
    Table,
    Text,
    UniqueConstraint,
    text,
)

metadata = MetaData()

sessions = Table(
    "sessions",
    metadata,
    Column("id", Text, primary_key=True),
    Column("title", Text, nullable=False, server_default=""),
    Column("title_source", Text, nullable=False, server_default="none"),  # none, auto, user
    Column("model", Text, nullable=False, server_default=""),
    Column("agent", Text, nullable=False, server_default="lra"),
    Column("folder", Text, nullable=False, server_default=""),
    Column("origin", Text, nullable=False, server_default="chat"),  # chat, library, managed, import
    Column("parent_id", Text, ForeignKey("sessions.id", ondelete="SET NULL")),
    Column("created_at", Integer, nullable=False),
    Column("updated_at", Integer, nullable=False),
    Column("summarized_seq", Integer, nullable=False, server_default=text("0")),
    Column("compaction", Text),  # JSON: what the context leaves out, see lra.session.context
    Column("private", Integer, nullable=False, server_default=text("0")),  # 1: held without memory
    Column("lease_owner", Text),
    Column("lease_pid", Integer),
    Column("lease_host", Text),
    Column("lease_until", Integer, nullable=False, server_default=text("0")),
    Index("ix_sessions_folder_updated", "folder", "updated_at"),
    Index("ix_sessions_updated", "updated_at"),
)

turns = Table(
    "turns",
    metadata,
    Column("id", Integer, primary_key=True),
    Column("session_id", Text, ForeignKey("sessions.id", ondelete="CASCADE"), nullable=False),
    Column("number", Integer, nullable=False),
    Column("model", Text, nullable=False, server_default=""),
    Column("outcome", Text),  # NULL while the turn runs
    Column("started_at", Integer, nullable=False),
    Column("ended_at", Integer),
    Column("requests", Integer, nullable=False, server_default=text("0")),
    Column("tool_calls", Integer, nullable=False, server_default=text("0")),
    Column("input_tokens", Integer, nullable=False, server_default=text("0")),
    Column("output_tokens", Integer, nullable=False, server_default=text("0")),
    Column("cache_read_tokens", Integer, nullable=False, server_default=text("0")),
    Column("cache_write_tokens", Integer, nullable=False, server_default=text("0")),
    Column("cost", Float),  # US dollars, NULL when the model has no known price
    Column("recalled", Text, nullable=False, server_default="[]"),
    Column("remembered", Text, nullable=False, server_default="[]"),
    Column("error", Text),
    Column("rewound_at", Integer),
    Index("ix_turns_session", "session_id", "id"),
    sqlite_autoincrement=True,
)

journal = Table(
    "journal",
    metadata,
    Column("seq", Integer, primary_key=True),
    Column("id", Text, nullable=False, unique=True),
    Column("session_id", Text, ForeignKey("sessions.id", ondelete="CASCADE"), nullable=False),
    Column("turn_id", Integer, ForeignKey("turns.id", ondelete="CASCADE")),
    Column("role", Text, nullable=False),  # user, assistant, tool, system
    Column("speaker", Text),  # who spoke, in imported conversations
    Column("content", Text, nullable=False),
    Column("payload", Text),  # JSON of a Pydantic AI message holding this row's parts
    Column("tool_name", Text),
    Column("tool_call_id", Text),
    Column("outcome", Text),
    Column("content_hash", Text),
    Column("created_at", Integer, nullable=False),
    Column("hidden", Integer, nullable=False, server_default=text("0")),  # 1: rewound, kept for the record
    Index("ix_journal_session", "session_id", "seq"),
    Index("ix_journal_turn", "turn_id"),
    Index("ix_journal_hash", "content_hash"),
    Index("ix_journal_speaker", "speaker", sqlite_where=text("speaker IS NOT NULL")),
    Index("ix_journal_tools", "tool_name", "outcome", "created_at", sqlite_where=text("role = 'tool'")),
    sqlite_autoincrement=True,
)

stream_chunks = Table(
    "stream_chunks",
    metadata,
    Column("seq", Integer, primary_key=True),
    Column("turn_id", Integer, ForeignKey("turns.id", ondelete="CASCADE"), nullable=False),
    Column("kind", Text, nullable=False),  # text, thinking
    Column("content", Text, nullable=False),
    Index("ix_stream_chunks_turn", "turn_id"),
)

memories = Table(
    "memories",
    metadata,
    Column("seq", Integer, primary_key=True),
    Column("id", Text, nullable=False, unique=True),
    Column("namespace", Text, nullable=False, server_default="default"),
    Column("kind", Text, nullable=False, server_default="fact"),
    Column("content", Text, nullable=False),
    Column("content_hash", Text, nullable=False),
    Column("key", Text),
    Column("tags", Text, nullable=False, server_default="[]"),
    Column("pin", Integer, nullable=False, server_default=text("0")),
    Column("confidence", Float, nullable=False, server_default=text("1.0")),
    Column("count", Integer, nullable=False, server_default=text("1")),
    Column("source", Text, nullable=False, server_default="user"),  # user, tool, summary, extraction, import
    Column("session_id", Text, ForeignKey("sessions.id", ondelete="SET NULL")),
    Column("turn_id", Integer, ForeignKey("turns.id", ondelete="SET NULL")),
    Column("created_at", Integer, nullable=False),
    Column("updated_at", Integer, nullable=False),
    Column("valid_from", Integer),
    Column("valid_to", Integer),
    Column("superseded_by", Text),
    Column("metadata", Text, nullable=False, server_default="{}"),
    Column("agent", Text),  # the only agent that may see it; NULL: every agent
    Column("local_only", Integer, nullable=False, server_default=text("0")),  # 1: for models on this machine alone
    Index("ix_memories_hash", "content_hash"),
    Index("ix_memories_key", "namespace", "key"),
    Index("ix_memories_session", "session_id"),
    Index("ix_memories_pin", "seq", sqlite_where=text("pin = 1")),
    sqlite_autoincrement=True,
)

memory_history = Table(
    "memory_history",
    metadata,
    Column("seq", Integer, primary_key=True),
    Column("memory_id", Text, nullable=False),
    Column(
        "action", Text, nullable=False
    ),  # created, merged, superseded, edited, changed, forgotten, imported, undone, restored
    Column("content", Text, nullable=False),
    Column("actor", Text, nullable=False),  # user, tool, summary, extraction, import
    Column("process", Text, nullable=False),
    Column("session_id", Text),
    Column("turn_id", Integer),
    Column("at", Integer, nullable=False),
    Column("was", Text),  # JSON of the columns that were replaced, without the text
    Column("tool_call_id", Text),
    Column("part_of", Integer),  # the first line of the same write
    Column("undone", Integer, nullable=False, server_default=text("0")),
    Index("ix_memory_history_memory", "memory_id", "seq"),
    Index("ix_memory_history_turn", "turn_id", sqlite_where=text("turn_id IS NOT NULL")),
    sqlite_autoincrement=True,
)

tasks = Table(
    "tasks",
    metadata,
    Column("seq", Integer, primary_key=True),
    Column("id", Text, nullable=False, unique=True),
    Column("session_id", Text, ForeignKey("sessions.id", ondelete="SET NULL")),
    Column("title", Text, nullable=False),
    Column("description", Text, nullable=False, server_default=""),
    Column("status", Text, nullable=False, server_default="pending"),
    Column("metadata", Text, nullable=False, server_default="{}"),
    Column("created_at", Integer, nullable=False),
    Column("updated_at", Integer, nullable=False),
    Index("ix_tasks_status", "status"),
    Index("ix_tasks_session", "session_id"),
    sqlite_autoincrement=True,
)

task_history = Table(
    "task_history",
    metadata,
    Column("seq", Integer, primary_key=True),
    Column("task_id", Text, ForeignKey("tasks.id", ondelete="CASCADE"), nullable=False),
    Column("action", Text, nullable=False),  # created, changed, restored
    Column("status", Text, nullable=False),  # since the change
    Column("was", Text, nullable=False, server_default="{}"),  # JSON of the columns that were replaced
    Column("turn_id", Integer),
    Column("at", Integer, nullable=False),
    Index("ix_task_history_task", "task_id", "seq"),
    Index("ix_task_history_turn", "turn_id", sqlite_where=text("turn_id IS NOT NULL")),
    sqlite_autoincrement=True,
)

audit_log = Table(
    "audit_log",
    metadata,
    Column("seq", Integer, primary_key=True),
    Column("run_id", Text, nullable=False, server_default=""),
    Column("session_id", Text),
    Column("event_type", Text, nullable=False),
    Column("payload", Text, nullable=False, server_default="{}"),
    Column("at", Integer, nullable=False),
    Index("ix_audit_session", "session_id", "seq"),
    sqlite_autoincrement=True,
)

erasures = Table(
    "erasures",
    metadata,
    Column("seq", Integer, primary_key=True),
    Column("spec", Text, nullable=False),  # JSON: what is being forgotten, until it is
    Column("at", Integer, nullable=False),
    sqlite_autoincrement=True,
)

extractions = Table(
    "extractions",
    metadata,
    Column("seq", Integer, primary_key=True),
    Column("session_id", Text, ForeignKey("sessions.id", ondelete="CASCADE"), nullable=False),
    Column("until_seq", Integer, nullable=False),  # the journal's last row that was looked at, or is to be
    Column("state", Text, nullable=False, server_default="owed"),  # owed, done, dropped
    Column("attempts", Integer, nullable=False, server_default=text("0")),
    Column("claimed_until", Integer, nullable=False, server_default=text("0")),
    Column("model", Text, nullable=False, server_default=""),
    Column("requests", Integer, nullable=False, server_default=text("0")),
    Column("input_tokens", Integer, nullable=False, server_default=text("0")),
    Column("output_tokens", Integer, nullable=False, server_default=text("0")),
    Column("cost", Float),
    Column("wrote", Text, nullable=False, server_default="[]"),  # JSON: ids of memories
    Column("told", Integer, nullable=False, server_default=text("0")),  # 1: the person has seen what was written
    Column("at", Integer, nullable=False),
    Index("ix_extractions_session", "session_id", "seq"),
    Index("ix_extractions_owed", "seq", sqlite_where=text("state = 'owed'")),
    Index("ix_extractions_untold", "seq", sqlite_where=text("told = 0 AND state = 'done'")),
    sqlite_autoincrement=True,
)

requests_beside = Table(
    "requests_beside",
    metadata,
    Column("seq", Integer, primary_key=True),
    Column("session_id", Text, ForeignKey("sessions.id", ondelete="CASCADE"), nullable=False),
    Column("purpose", Text, nullable=False),  # summary
    Column("model", Text, nullable=False),
    Column("requests", Integer, nullable=False),
    Column("input_tokens", Integer, nullable=False),
    Column("output_tokens", Integer, nullable=False),
    Column("cost", Float),
    Column("at", Integer, nullable=False),
    Index("ix_requests_beside_session", "session_id"),
    sqlite_autoincrement=True,
)

tools = Table(
    "tools",
    metadata,
    Column("name", Text, primary_key=True),
    Column("version", Integer, nullable=False),  # the one in use
    Column("state", Text, nullable=False, server_default="enabled"),  # enabled, disabled, deleted
    Column("created_at", Integer, nullable=False),
    Column("changed_at", Integer, nullable=False),
)

tool_versions = Table(
    "tool_versions",
    metadata,
    Column("seq", Integer, primary_key=True),
    Column("name", Text, nullable=False),
    Column("version", Integer, nullable=False),
    Column("source", Text, nullable=False),
    Column("parameters", Text, nullable=False),  # JSON schema
    Column("description", Text, nullable=False, server_default=""),
    Column("tests", Text, nullable=False, server_default="[]"),  # JSON
    Column("grants", Text, nullable=False, server_default="{}"),  # JSON: hosts, packages, seconds, memory_mb
    Column("author", Text, nullable=False),  # model, person
    Column("session_id", Text),
    Column("turn_id", Integer),
    Column("at", Integer, nullable=False),
    UniqueConstraint("name", "version"),
    sqlite_autoincrement=True,
)

tool_events = Table(
    "tool_events",
    metadata,
    Column("seq", Integer, primary_key=True),
    Column("name", Text, nullable=False),
    Column("version", Integer, nullable=False),
    Column("action", Text, nullable=False),  # created, changed, enabled, disabled, deleted
    Column("author", Text, nullable=False),
    Column("at", Integer, nullable=False),
    Index("ix_tool_events_name", "name", "seq"),
    sqlite_autoincrement=True,
)

managed_agents = Table(
    "managed_agents",
    metadata,
    Column("id", Text, primary_key=True),
    Column("version", Integer, primary_key=True),
    Column("name", Text, nullable=False),
    Column("config", Text, nullable=False),  # JSON
    Column("at", Integer, nullable=False),
    Column("archived_at", Integer),
)

managed_environments = Table(
    "managed_environments",
    metadata,
    Column("id", Text, primary_key=True),
    Column("config", Text, nullable=False),  # JSON
    Column("at", Integer, nullable=False),
    Column("archived_at", Integer),
)

managed_sessions = Table(
    "managed_sessions",
    metadata,
    Column("session_id", Text, ForeignKey("sessions.id", ondelete="CASCADE"), primary_key=True),
    Column("agent_id", Text, nullable=False),
    Column("agent_version", Integer, nullable=False),
    Column("environment_id", Text, nullable=False),
    Column("archived_at", Integer),
    Index("ix_managed_sessions_agent", "agent_id"),
)

vectors = Table(
    "vectors",
    metadata,
    Column("seq", Integer, primary_key=True),
    Column("content_hash", Text, nullable=False),
    Column("fingerprint", Text, nullable=False),
    Column("vector", LargeBinary, nullable=False),  # float32, little-endian, L2-normalised
    UniqueConstraint("content_hash", "fingerprint"),
    sqlite_autoincrement=True,
)

index_queue = Table(
    "index_queue",
    metadata,
    Column("seq", Integer, primary_key=True),
    Column("kind", Text, nullable=False),  # memory, turn
    Column("ref", Text, nullable=False),
    Column("op", Text, nullable=False),  # upsert, delete
    Column("generation", Integer, nullable=False, server_default=text("1")),
    Column("attempts", Integer, nullable=False, server_default=text("0")),
    UniqueConstraint("kind", "ref"),
    sqlite_autoincrement=True,
)

FTS_TABLES = ("memories_fts", "journal_fts")

FTS_DDL = tuple(
    f"CREATE VIRTUAL TABLE {name} USING fts5(content, grams, tokenize = 'porter unicode61 remove_diacritics 2')"
    for name in FTS_TABLES
) + tuple(f"CREATE VIRTUAL TABLE {name}_terms USING fts5vocab({name}, 'row')" for name in FTS_TABLES)
"""`content` holds the text, `grams` the bigrams of scripts that are written without spaces."""
