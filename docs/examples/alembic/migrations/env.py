"""Runs Kettle's migrations, and tells which were applied."""

from alembic import context
from kettle import telemetry
from sqlalchemy import create_engine
from windrow.integrations.alembic import on_version_apply

url = context.config.get_main_option("sqlalchemy.url") or ""
told = on_version_apply(telemetry)

if context.is_offline_mode():
    context.configure(url=url, literal_binds=True, on_version_apply=told)
    context.run_migrations()
else:
    with create_engine(url).connect() as connection:
        context.configure(connection=connection, on_version_apply=told)
        with context.begin_transaction():
            context.run_migrations()
