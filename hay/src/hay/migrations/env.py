"""Runs the migrations over one connection."""

from alembic import context
from sqlalchemy import create_engine, pool

engine = create_engine(context.config.get_main_option("sqlalchemy.url") or "", poolclass=pool.NullPool)
with engine.connect() as connection:
    context.configure(connection=connection, on_version_apply=context.config.attributes["on_version_apply"])
    with context.begin_transaction():
        context.run_migrations()
