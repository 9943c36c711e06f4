"""What a session asked a model for beside its turns: its summaries."""

from __future__ import annotations

from alembic import op

revision = "0009"
down_revision = "0008"
branch_labels = None
depends_on = None


def upgrade() -> None:
    """Add the table."""
    op.execute(
        """
        CREATE TABLE requests_beside (
            seq INTEGER NOT NULL PRIMARY KEY AUTOINCREMENT,
            session_id TEXT NOT NULL,
            purpose TEXT NOT NULL,
            model TEXT NOT NULL,
            requests INTEGER NOT NULL,
            input_tokens INTEGER NOT NULL,
            output_tokens INTEGER NOT NULL,
            cost FLOAT,
            at INTEGER NOT NULL,
            FOREIGN KEY(session_id) REFERENCES sessions (id) ON DELETE CASCADE
        )
        """
    )
    op.execute("CREATE INDEX ix_requests_beside_session ON requests_beside (session_id)")
