"""The agents."""

import sqlalchemy as sa
from alembic import op

revision = "0001"
down_revision = None


def upgrade() -> None:
    """Make the table."""
    op.create_table(
        "agents",
        sa.Column("id", sa.Integer, primary_key=True),
        sa.Column("name", sa.String, nullable=False),
        sa.Column("instructions", sa.String, nullable=False, server_default=""),
    )


def downgrade() -> None:
    """Drop it."""
    op.drop_table("agents")
