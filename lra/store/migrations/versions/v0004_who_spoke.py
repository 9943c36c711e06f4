"""Who has spoken by name is known without a look at every row."""

from __future__ import annotations

from alembic import op

revision = "0004"
down_revision = "0003"
branch_labels = None
depends_on = None


def upgrade() -> None:
    """Add the index; it holds the rows of named speakers alone."""
    op.execute("CREATE INDEX ix_journal_speaker ON journal (speaker) WHERE speaker IS NOT NULL")
