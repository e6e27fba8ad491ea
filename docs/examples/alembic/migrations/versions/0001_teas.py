"""The teas."""

import sqlalchemy as sa
from alembic import op

revision = "3f6b1c"
down_revision = None


def upgrade() -> None:
    op.create_table("teas", sa.Column("id", sa.Integer, primary_key=True), sa.Column("sort", sa.String))


def downgrade() -> None:
    op.drop_table("teas")
