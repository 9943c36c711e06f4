"""Managed agents in all their versions, their environments, and which conversations are theirs."""

from __future__ import annotations

from alembic import op

revision = "0008"
down_revision = "0007"
branch_labels = None
depends_on = None

STATEMENTS = (
    """
    CREATE TABLE managed_agents (
        id TEXT NOT NULL,
        version INTEGER NOT NULL,
        name TEXT NOT NULL,
        config TEXT NOT NULL,
        at INTEGER NOT NULL,
        archived_at INTEGER,
        PRIMARY KEY (id, version)
    )
    """,
    """
    CREATE TABLE managed_environments (
        id TEXT NOT NULL PRIMARY KEY,
        config TEXT NOT NULL,
        at INTEGER NOT NULL,
        archived_at INTEGER
    )
    """,
    """
    CREATE TABLE managed_sessions (
        session_id TEXT NOT NULL PRIMARY KEY REFERENCES sessions (id) ON DELETE CASCADE,
        agent_id TEXT NOT NULL,
        agent_version INTEGER NOT NULL,
        environment_id TEXT NOT NULL,
        archived_at INTEGER
    )
    """,
    "CREATE INDEX ix_managed_sessions_agent ON managed_sessions (agent_id)",
)


def upgrade() -> None:
    """Add the tables."""
    for statement in STATEMENTS:
        op.execute(statement)
