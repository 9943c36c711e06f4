"""Who may see a memory, what belongs to one write, and erasures that are on their way."""

from __future__ import annotations

from alembic import op

revision = "0003"
down_revision = "0002"
branch_labels = None
depends_on = None

STATEMENTS = (
    "ALTER TABLE memories ADD COLUMN agent TEXT",
    "ALTER TABLE memories ADD COLUMN local_only INTEGER DEFAULT 0 NOT NULL",
    "ALTER TABLE memory_history ADD COLUMN tool_call_id TEXT",
    "ALTER TABLE memory_history ADD COLUMN part_of INTEGER",
    "ALTER TABLE memory_history ADD COLUMN undone INTEGER DEFAULT 0 NOT NULL",
    """
    CREATE TABLE erasures (
        seq INTEGER NOT NULL PRIMARY KEY AUTOINCREMENT,
        spec TEXT NOT NULL,
        at INTEGER NOT NULL
    )
    """,
)


def upgrade() -> None:
    """Add the columns and the table; what is there may be seen by everybody."""
    for statement in STATEMENTS:
        op.execute(statement)
