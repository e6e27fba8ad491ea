"""The pots."""

import sqlalchemy as sa
from alembic import op

revision = "a81e07"
down_revision = "3f6b1c"


def upgrade() -> None:
    op.create_table("pots", sa.Column("id", sa.Integer, primary_key=True), sa.Column("cups", sa.Integer))


def downgrade() -> None:
    op.drop_table("pots")
