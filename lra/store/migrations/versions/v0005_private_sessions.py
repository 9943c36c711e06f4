"""Conversations that leave no memory: nothing of them is found elsewhere."""

from __future__ import annotations

from alembic import op

revision = "0005"
down_revision = "0004"
branch_labels = None
depends_on = None


def upgrade() -> None:
    """Add the mark; what is there was held with memory."""
    op.execute("ALTER TABLE sessions ADD COLUMN private INTEGER DEFAULT 0 NOT NULL")
