"""The first schema: sessions, turns, journal, memories, tasks, audit log, vectors, queue, full-text indexes."""

from __future__ import annotations

from alembic import op

revision = "0001"
down_revision = None
branch_labels = None
depends_on = None

STATEMENTS = (
    """
    CREATE TABLE audit_log (
        seq INTEGER NOT NULL PRIMARY KEY AUTOINCREMENT,
        run_id TEXT DEFAULT '' NOT NULL,
        session_id TEXT,
        event_type TEXT NOT NULL,
        payload TEXT DEFAULT '{}' NOT NULL,
        at INTEGER NOT NULL
    )
    """,
    "CREATE INDEX ix_audit_session ON audit_log (session_id, seq)",
    """
    CREATE TABLE index_queue (
        seq INTEGER NOT NULL PRIMARY KEY AUTOINCREMENT,
        kind TEXT NOT NULL,
        ref TEXT NOT NULL,
        op TEXT NOT NULL,
        generation INTEGER DEFAULT 1 NOT NULL,
        attempts INTEGER DEFAULT 0 NOT NULL,
        UNIQUE (kind, ref)
    )
    """,
    """
    CREATE TABLE memory_history (
        seq INTEGER NOT NULL PRIMARY KEY AUTOINCREMENT,
        memory_id TEXT NOT NULL,
        action TEXT NOT NULL,
        content TEXT NOT NULL,
        actor TEXT NOT NULL,
        process TEXT NOT NULL,
        session_id TEXT,
        turn_id INTEGER,
        at INTEGER NOT NULL
    )
    """,
    "CREATE INDEX ix_memory_history_memory ON memory_history (memory_id, seq)",
    """
    CREATE TABLE sessions (
        id TEXT NOT NULL,
        title TEXT DEFAULT '' NOT NULL,
        title_source TEXT DEFAULT 'none' NOT NULL,
        model TEXT DEFAULT '' NOT NULL,
        agent TEXT DEFAULT 'lra' NOT NULL,
        folder TEXT DEFAULT '' NOT NULL,
        origin TEXT DEFAULT 'chat' NOT NULL,
        parent_id TEXT,
        created_at INTEGER NOT NULL,
        updated_at INTEGER NOT NULL,
        summarized_seq INTEGER DEFAULT 0 NOT NULL,
        compaction TEXT,
        lease_owner TEXT,
        lease_pid INTEGER,
        lease_host TEXT,
        lease_until INTEGER DEFAULT 0 NOT NULL,
        PRIMARY KEY (id),
        FOREIGN KEY(parent_id) REFERENCES sessions (id) ON DELETE SET NULL
    )
    """,
    "CREATE INDEX ix_sessions_folder_updated ON sessions (folder, updated_at)",
    "CREATE INDEX ix_sessions_updated ON sessions (updated_at)",
    """
    CREATE TABLE vectors (
        seq INTEGER NOT NULL PRIMARY KEY AUTOINCREMENT,
        content_hash TEXT NOT NULL,
        fingerprint TEXT NOT NULL,
        vector BLOB NOT NULL,
        UNIQUE (content_hash, fingerprint)
    )
    """,
    """
    CREATE TABLE tasks (
        seq INTEGER NOT NULL PRIMARY KEY AUTOINCREMENT,
        id TEXT NOT NULL,
        session_id TEXT,
        title TEXT NOT NULL,
        description TEXT DEFAULT '' NOT NULL,
        status TEXT DEFAULT 'pending' NOT NULL,
        metadata TEXT DEFAULT '{}' NOT NULL,
        created_at INTEGER NOT NULL,
        updated_at INTEGER NOT NULL,
        UNIQUE (id),
        FOREIGN KEY(session_id) REFERENCES sessions (id) ON DELETE SET NULL
    )
    """,
    "CREATE INDEX ix_tasks_session ON tasks (session_id)",
    "CREATE INDEX ix_tasks_status ON tasks (status)",
    """
    CREATE TABLE turns (
        id INTEGER NOT NULL PRIMARY KEY AUTOINCREMENT,
        session_id TEXT NOT NULL,
        number INTEGER NOT NULL,
        model TEXT DEFAULT '' NOT NULL,
        outcome TEXT,
        started_at INTEGER NOT NULL,
        ended_at INTEGER,
        requests INTEGER DEFAULT 0 NOT NULL,
        tool_calls INTEGER DEFAULT 0 NOT NULL,
        input_tokens INTEGER DEFAULT 0 NOT NULL,
        output_tokens INTEGER DEFAULT 0 NOT NULL,
        cache_read_tokens INTEGER DEFAULT 0 NOT NULL,
        cache_write_tokens INTEGER DEFAULT 0 NOT NULL,
        cost FLOAT,
        recalled TEXT DEFAULT '[]' NOT NULL,
        remembered TEXT DEFAULT '[]' NOT NULL,
        error TEXT,
        rewound_at INTEGER,
        FOREIGN KEY(session_id) REFERENCES sessions (id) ON DELETE CASCADE
    )
    """,
    "CREATE INDEX ix_turns_session ON turns (session_id, id)",
    """
    CREATE TABLE journal (
        seq INTEGER NOT NULL PRIMARY KEY AUTOINCREMENT,
        id TEXT NOT NULL,
        session_id TEXT NOT NULL,
        turn_id INTEGER,
        role TEXT NOT NULL,
        speaker TEXT,
        content TEXT NOT NULL,
        payload TEXT,
        tool_name TEXT,
        tool_call_id TEXT,
        outcome TEXT,
        content_hash TEXT,
        created_at INTEGER NOT NULL,
        hidden INTEGER DEFAULT 0 NOT NULL,
        UNIQUE (id),
        FOREIGN KEY(session_id) REFERENCES sessions (id) ON DELETE CASCADE,
        FOREIGN KEY(turn_id) REFERENCES turns (id) ON DELETE CASCADE
    )
    """,
    "CREATE INDEX ix_journal_hash ON journal (content_hash)",
    "CREATE INDEX ix_journal_session ON journal (session_id, seq)",
    "CREATE INDEX ix_journal_turn ON journal (turn_id)",
    """
    CREATE TABLE memories (
        seq INTEGER NOT NULL PRIMARY KEY AUTOINCREMENT,
        id TEXT NOT NULL,
        namespace TEXT DEFAULT 'default' NOT NULL,
        kind TEXT DEFAULT 'fact' NOT NULL,
        content TEXT NOT NULL,
        content_hash TEXT NOT NULL,
        "key" TEXT,
        tags TEXT DEFAULT '[]' NOT NULL,
        pin INTEGER DEFAULT 0 NOT NULL,
        confidence FLOAT DEFAULT (1.0) NOT NULL,
        count INTEGER DEFAULT 1 NOT NULL,
        source TEXT DEFAULT 'user' NOT NULL,
        session_id TEXT,
        turn_id INTEGER,
        created_at INTEGER NOT NULL,
        updated_at INTEGER NOT NULL,
        valid_from INTEGER,
        valid_to INTEGER,
        superseded_by TEXT,
        metadata TEXT DEFAULT '{}' NOT NULL,
        UNIQUE (id),
        FOREIGN KEY(session_id) REFERENCES sessions (id) ON DELETE SET NULL,
        FOREIGN KEY(turn_id) REFERENCES turns (id) ON DELETE SET NULL
    )
    """,
    "CREATE INDEX ix_memories_hash ON memories (content_hash)",
    "CREATE INDEX ix_memories_key ON memories (namespace, key)",
    "CREATE INDEX ix_memories_session ON memories (session_id)",
    "CREATE INDEX ix_memories_pin ON memories (seq) WHERE pin = 1",
    """
    CREATE TABLE stream_chunks (
        seq INTEGER NOT NULL,
        turn_id INTEGER NOT NULL,
        kind TEXT NOT NULL,
        content TEXT NOT NULL,
        PRIMARY KEY (seq),
        FOREIGN KEY(turn_id) REFERENCES turns (id) ON DELETE CASCADE
    )
    """,
    "CREATE INDEX ix_stream_chunks_turn ON stream_chunks (turn_id)",
    "CREATE VIRTUAL TABLE memories_fts USING fts5(content, grams, tokenize = 'porter unicode61 remove_diacritics 2')",
    "CREATE VIRTUAL TABLE journal_fts USING fts5(content, grams, tokenize = 'porter unicode61 remove_diacritics 2')",
    "CREATE VIRTUAL TABLE memories_fts_terms USING fts5vocab(memories_fts, 'row')",
    "CREATE VIRTUAL TABLE journal_fts_terms USING fts5vocab(journal_fts, 'row')",
)


def upgrade() -> None:
    """Create everything."""
    for statement in STATEMENTS:
        op.execute(statement)
