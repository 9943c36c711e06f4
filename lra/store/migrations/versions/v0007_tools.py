"""Tools that were written by the model or the person, in all their versions; calls are counted from the journal."""

from __future__ import annotations

from alembic import op

revision = "0007"
down_revision = "0006"
branch_labels = None
depends_on = None

STATEMENTS = (
    """
    CREATE TABLE tools (
        name TEXT NOT NULL PRIMARY KEY,
        version INTEGER NOT NULL,
        state TEXT DEFAULT 'enabled' NOT NULL,
        created_at INTEGER NOT NULL,
        changed_at INTEGER NOT NULL
    )
    """,
    """
    CREATE TABLE tool_versions (
        seq INTEGER NOT NULL PRIMARY KEY AUTOINCREMENT,
        name TEXT NOT NULL,
        version INTEGER NOT NULL,
        source TEXT NOT NULL,
        parameters TEXT NOT NULL,
        description TEXT DEFAULT '' NOT NULL,
        tests TEXT DEFAULT '[]' NOT NULL,
        grants TEXT DEFAULT '{}' NOT NULL,
        author TEXT NOT NULL,
        session_id TEXT,
        turn_id INTEGER,
        at INTEGER NOT NULL,
        UNIQUE (name, version)
    )
    """,
    """
    CREATE TABLE tool_events (
        seq INTEGER NOT NULL PRIMARY KEY AUTOINCREMENT,
        name TEXT NOT NULL,
        version INTEGER NOT NULL,
        action TEXT NOT NULL,
        author TEXT NOT NULL,
        at INTEGER NOT NULL
    )
    """,
    "CREATE INDEX ix_tool_events_name ON tool_events (name, seq)",
    "CREATE INDEX ix_journal_tools ON journal (tool_name, outcome, created_at) WHERE role = 'tool'",
)


def upgrade() -> None:
    """Add the tables, and an index by which calls are counted."""
    for statement in STATEMENTS:
        op.execute(statement)
