"""Hay's server: a few plain pages, and telemetry at the places where things happen."""

from __future__ import annotations

from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from datetime import UTC, datetime
from pathlib import Path
from typing import Annotated, Any, TypeVar

from fastapi import FastAPI, Form, HTTPException, Request
from fastapi.responses import HTMLResponse, RedirectResponse, Response
from fastapi.staticfiles import StaticFiles
from fastapi.templating import Jinja2Templates
from sqlalchemy import select
from sqlalchemy.orm import Session
from windrow import Telemetry
from windrow.asgi import TelemetryApp
from windrow.integrations.starlette import lifespan

from hay import __version__, telemetry
from hay.migrate import upgrade
from hay.models import CHANNELS, PLUGIN_TYPES, Agent, Conversation, Database, Plugin

_HERE = Path(__file__).parent
_BROWSER = Path(__file__).parents[3] / "js" / "dist"
_LARGEST_ID = 2**63 - 1  # SQLite's; its driver raises OverflowError beyond
Row = TypeVar("Row", Agent, Plugin)
_SECURITY = "; ".join(
    [
        "default-src 'none'",
        *(f"{kind}-src 'self'" for kind in ("script", "style", "connect")),
        "form-action 'self'",
    ]
)


def create_app(data: Path) -> FastAPI:
    """Hay over the data in a folder: its database, and `hay.toml` if there is one."""
    data.mkdir(parents=True, exist_ok=True)
    database = Database(data)
    told = telemetry.make(data)
    upgrade(database.url, told)
    telemetry.start(told, database)

    @asynccontextmanager
    async def own(_: FastAPI) -> AsyncIterator[None]:
        yield
        database.close()

    life = lifespan(told, own)
    app = FastAPI(title="Hay", version=__version__, lifespan=life, docs_url=None, redoc_url=None)
    app.mount("/telemetry", TelemetryApp(told))
    app.mount("/windrow", StaticFiles(directory=_BROWSER, check_dir=False))
    app.mount("/static", StaticFiles(directory=_HERE / "static"))
    _Pages(app, database, told)
    return app


class _Pages:
    """The routes; each tells telemetry after the transaction has been committed."""

    def __init__(self, app: FastAPI, database: Database, told: Telemetry) -> None:
        self._database = database
        self._telemetry = told
        self._templates = Jinja2Templates(_HERE / "templates")
        for path, page in (
            ("/", self.home),
            ("/agents", self.agents),
            ("/agents/{agent}", self.agent),
            ("/plugins", self.plugins),
            ("/conversations", self.conversations),
            ("/settings/telemetry", self.settings),
        ):
            app.add_api_route(path, page, methods=["GET"], response_class=HTMLResponse)
        for path, action in (
            ("/agents", self.create_agent),
            ("/agents/{agent}/delete", self.delete_agent),
            ("/plugins", self.install_plugin),
            ("/plugins/{plugin}/remove", self.remove_plugin),
            ("/conversations", self.start_conversation),
            ("/settings/telemetry/send", self.send_counters),
        ):
            app.add_api_route(path, action, methods=["POST"])

    # ---- pages ------------------------------------------------------------------------------------

    def home(self, request: Request) -> Response:
        """How much there is."""
        agents, conversations, plugins, _ = self._database.usage()
        counts = {"Agents": agents, "Plugins": sum(plugins.values()), "Conversations": conversations}
        return self._page(request, "home.html", "/", counts=counts)

    def agents(self, request: Request) -> Response:
        """All agents, and a form for one more."""
        with self._database.session() as session:
            agents = session.scalars(select(Agent).order_by(Agent.id)).all()
        return self._page(request, "agents.html", "/agents", agents=agents)

    def agent(self, request: Request, agent: int) -> Response:
        """One agent."""
        with self._database.session() as session:
            found = _found(session, Agent, agent)
        return self._page(request, "agent.html", "/agents/:id", agent=found)

    def plugins(self, request: Request) -> Response:
        """All plugins, and a form for one more."""
        with self._database.session() as session:
            plugins = session.scalars(select(Plugin).order_by(Plugin.id)).all()
        return self._page(request, "plugins.html", "/plugins", plugins=plugins, types=PLUGIN_TYPES)

    def conversations(self, request: Request) -> Response:
        """The newest conversations, and a form for one more."""
        with self._database.session() as session:
            newest = session.scalars(select(Conversation).order_by(Conversation.id.desc()).limit(20)).all()
        return self._page(
            request, "conversations.html", "/conversations", conversations=newest, channels=CHANNELS
        )

    def settings(self, request: Request, sent: str = "") -> Response:
        """What telemetry does, and the button that sends the day's counters."""
        status = self._telemetry.status()
        return self._page(request, "telemetry.html", "/settings/telemetry", status=status, sent=sent)

    # ---- actions ----------------------------------------------------------------------------------

    def create_agent(
        self, name: Annotated[str, Form()], instructions: Annotated[str, Form()] = ""
    ) -> Response:
        """Make an agent."""
        with self._database.session() as session:
            session.add(Agent(name=name, instructions=instructions))
        self._telemetry.track("agent_created")
        return _back("/agents")

    def delete_agent(self, agent: int) -> Response:
        """Delete an agent."""
        with self._database.session() as session:
            session.delete(_found(session, Agent, agent))
        self._telemetry.track("agent_deleted")
        return _back("/agents")

    def install_plugin(self, name: Annotated[str, Form()], type: Annotated[str, Form()]) -> Response:
        """Install a plugin."""
        with self._database.session() as session:
            session.add(Plugin(name=name, type=type))
        self._telemetry.track("plugin_installed", {"type": type})
        return _back("/plugins")

    def remove_plugin(self, plugin: int) -> Response:
        """Remove a plugin."""
        with self._database.session() as session:
            found = _found(session, Plugin, plugin)
            session.delete(found)
        self._telemetry.track("plugin_removed", {"type": found.type})
        return _back("/plugins")

    def start_conversation(self, title: Annotated[str, Form()], channel: Annotated[str, Form()]) -> Response:
        """Start a conversation."""
        started = datetime.now(UTC).replace(tzinfo=None)
        with self._database.session() as session:
            session.add(Conversation(title=title, channel=channel, started=started))
        self._telemetry.count("conversation_created")
        return _back("/conversations")

    def send_counters(self) -> Response:
        """Send the day's counters and snapshots now, in place of tomorrow."""
        return _back(f"/settings/telemetry?sent={'yes' if self._telemetry.send_daily() else 'no'}")

    def _page(self, request: Request, template: str, route: str, **values: Any) -> Response:
        context = {"route": route, "version": __version__, **values}
        response = self._templates.TemplateResponse(request, template, context)
        response.headers["content-security-policy"] = _SECURITY
        return response


def _found(session: Session, kind: type[Row], number: int) -> Row:
    row = session.get(kind, number) if abs(number) <= _LARGEST_ID else None
    if row is None:
        raise HTTPException(404, f"There is no such {kind.__name__.lower()}.")
    return row


def _back(path: str) -> Response:
    return RedirectResponse(path, 303)
