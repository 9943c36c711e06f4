"""What a change replaced, and the changes of tasks: what it takes to undo the writing of a turn."""

from __future__ import annotations

from alembic import op

revision = "0002"
down_revision = "0001"
branch_labels = None
depends_on = None

STATEMENTS = (
    "ALTER TABLE memory_history ADD COLUMN was TEXT",
    "CREATE INDEX ix_memory_history_turn ON memory_history (turn_id) WHERE turn_id IS NOT NULL",
    """
    CREATE TABLE task_history (
        seq INTEGER NOT NULL PRIMARY KEY AUTOINCREMENT,
        task_id TEXT NOT NULL,
        action TEXT NOT NULL,
        status TEXT NOT NULL,
        was TEXT DEFAULT '{}' NOT NULL,
        turn_id INTEGER,
        at INTEGER NOT NULL,
        FOREIGN KEY(task_id) REFERENCES tasks (id) ON DELETE CASCADE
    )
    """,
    "CREATE INDEX ix_task_history_task ON task_history (task_id, seq)",
    "CREATE INDEX ix_task_history_turn ON task_history (turn_id) WHERE turn_id IS NOT NULL",
)


def upgrade() -> None:
    """Add the column and the table; what was written before has no entries."""
    for statement in STATEMENTS:
        op.execute(statement)
