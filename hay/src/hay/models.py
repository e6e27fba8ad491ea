"""Hay's tables, and the few things that are done with them."""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import contextmanager
from datetime import UTC, datetime, timedelta
from pathlib import Path

from sqlalchemy import create_engine, func, select
from sqlalchemy.orm import DeclarativeBase, Mapped, Session, mapped_column

PLUGIN_TYPES = ("mcp-connector", "retriever", "playbook", "document_importer", "channel", "system")
CHANNELS = ("web", "whatsapp", "instagram", "telegram", "sms", "email")


class Base(DeclarativeBase):
    """The declarative base."""


class Agent(Base):
    """Answers customers. Its name is the operator's own, and never leaves."""

    __tablename__ = "agents"
    id: Mapped[int] = mapped_column(primary_key=True)
    name: Mapped[str]
    instructions: Mapped[str] = mapped_column(default="")


class Plugin(Base):
    """An installed plugin; of a private one the name may say whom it was written for."""

    __tablename__ = "plugins"
    id: Mapped[int] = mapped_column(primary_key=True)
    name: Mapped[str]
    type: Mapped[str]


class Conversation(Base):
    """A conversation with a customer."""

    __tablename__ = "conversations"
    id: Mapped[int] = mapped_column(primary_key=True)
    title: Mapped[str]
    channel: Mapped[str]
    started: Mapped[datetime]


class Database:
    """The open database of one Hay."""

    def __init__(self, data: Path) -> None:
        self.url = f"sqlite:///{data / 'hay.sqlite'}"
        self._engine = create_engine(self.url)

    @contextmanager
    def session(self) -> Iterator[Session]:
        """A session that is committed at the end."""
        with Session(self._engine, expire_on_commit=False) as session, session.begin():
            yield session

    def usage(self) -> tuple[int, int, dict[str, int], set[str]]:
        """Agents, conversations, plugins by type, and channels of the last seven days."""
        week_ago = datetime.now(UTC).replace(tzinfo=None) - timedelta(days=7)
        with self.session() as session:
            agents = session.scalar(select(func.count()).select_from(Agent)) or 0
            conversations = session.scalar(select(func.count()).select_from(Conversation)) or 0
            plugins = dict(
                session.execute(select(Plugin.type, func.count()).group_by(Plugin.type)).tuples().all()
            )
            recent = select(Conversation.channel).where(Conversation.started >= week_ago).distinct()
            return agents, conversations, plugins, set(session.scalars(recent))

    def close(self) -> None:
        """Give the connections back."""
        self._engine.dispose()
