"""Facts that a model picks out of a session when it has ended: what is owed, what it cost, what it wrote."""

from __future__ import annotations

from alembic import op

revision = "0006"
down_revision = "0005"
branch_labels = None
depends_on = None


def upgrade() -> None:
    """Add the table; nothing is owed for sessions that ended before."""
    op.execute(
        """
        CREATE TABLE extractions (
            seq INTEGER NOT NULL PRIMARY KEY AUTOINCREMENT,
            session_id TEXT NOT NULL,
            until_seq INTEGER NOT NULL,
            state TEXT DEFAULT 'owed' NOT NULL,
            attempts INTEGER DEFAULT 0 NOT NULL,
            claimed_until INTEGER DEFAULT 0 NOT NULL,
            model TEXT DEFAULT '' NOT NULL,
            requests INTEGER DEFAULT 0 NOT NULL,
            input_tokens INTEGER DEFAULT 0 NOT NULL,
            output_tokens INTEGER DEFAULT 0 NOT NULL,
            cost FLOAT,
            wrote TEXT DEFAULT '[]' NOT NULL,
            told INTEGER DEFAULT 0 NOT NULL,
            at INTEGER NOT NULL,
            FOREIGN KEY(session_id) REFERENCES sessions (id) ON DELETE CASCADE
        )
        """
    )
    op.execute("CREATE INDEX ix_extractions_session ON extractions (session_id, seq)")
    op.execute("CREATE INDEX ix_extractions_owed ON extractions (seq) WHERE state = 'owed'")
    op.execute("CREATE INDEX ix_extractions_untold ON extractions (seq) WHERE told = 0 AND state = 'done'")
