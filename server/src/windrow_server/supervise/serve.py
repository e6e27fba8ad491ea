"""`windrow-server serve`: the checks, then the children and the web process itself."""

from __future__ import annotations

import json
import logging
import secrets
import shlex
import signal
import socket
import threading
from collections.abc import Callable, Iterator
from contextlib import ExitStack, contextmanager
from dataclasses import replace
from pathlib import Path
from urllib.parse import urlsplit

import click
import uvicorn
from windrow.catalogue import Catalogue

from windrow_server.app import App
from windrow_server.collector import Admission, Collector, Orders, Requests
from windrow_server.inbox import Inbox
from windrow_server.meta import Meta
from windrow_server.settings import Settings
from windrow_server.store import Store
from windrow_server.supervise.checks import bound, check_store, checked_token, known, loaded, locked, told
from windrow_server.supervise.children import Child

_RETRY_SECONDS = 2.0
_log = logging.getLogger("windrow.supervise")


def serve(settings: Settings) -> None:
    """Run the server until SIGINT or SIGTERM. Raises `StartError` when it cannot start."""
    logging.basicConfig(format="%(levelname)s %(name)s: %(message)s", level=logging.WARNING)
    check_store(settings.store)
    preset = checked_token(settings.admin_token)
    catalogues = loaded(settings.catalogues)
    memory = settings.data / "meta.sqlite"
    with ExitStack() as stack:
        stack.enter_context(locked(settings.data))
        with told(memory):
            meta = Meta(memory)
            stack.callback(meta.close)
            orders = Orders(meta)
            admission = _remembered(meta, catalogues, orders)
        listener = stack.enter_context(bound(settings.host, settings.port))
        settings = replace(settings, port=listener.getsockname()[1])  # the pages show it
        inbox = _opened(settings.data)
        stack.callback(inbox.close)
        collector = Collector(inbox, admission, orders.wishes)
        app = App(collector, Requests(admission, orders), inbox, meta, settings)
        with told(memory):
            token = meta.ensure_admin_token(preset)
        stack.enter_context(orders.watched())
        stop = threading.Event()
        url = stack.enter_context(_store_process(settings))
        stack.enter_context(_attached(url, app, settings, stop))
        stack.callback(stop.set)
        with _web(app) as web:
            _announce(settings, listener, token, sorted(admission.products))
            web.run(sockets=[listener])


# ---- what it remembers ------------------------------------------------------------------------------


def _remembered(meta: Meta, catalogues: list[Catalogue], orders: Orders) -> Admission:
    for catalogue in catalogues:
        meta.register(catalogue)
    meta.session_key()  # made at the start: a page must never wait until it may write
    return Admission(known(meta), meta.secret("posthog-wire"), orders.forgotten)


def _opened(data: Path) -> Inbox:
    with told(
        data / "inbox-1.sqlite",
        "Move it aside (what it had not loaded yet is lost), or restore it from a backup.",
    ):
        return Inbox(data)


# ---- the children -----------------------------------------------------------------------------------


@contextmanager
def _store_process(settings: Settings) -> Iterator[Callable[[], str | None]]:
    """Yield a function that gives the URL of the store, or None as long as there is none."""
    if settings.store != "embedded":
        yield lambda: settings.store
        return
    token = secrets.token_urlsafe(32)
    port: list[int] = []

    def arguments() -> list[str]:
        # The port of the first start holds for all: loader and pages keep its URL.
        fixed = ["--port", str(port[0])] if port else []
        return ["windrow_server.store.process", "--data", str(settings.data / "store"), *fixed]

    def on_line(line: str) -> None:
        if port:
            return
        try:
            port.append(int(json.loads(line)["port"]))
        except (ValueError, KeyError, TypeError):
            _log.warning("The store process wrote a line that does not tell its port.")

    child = Child("store process", arguments, {"WINDROW_STORE_TOKEN": token}, on_line)
    child.start()
    try:
        yield lambda: f"http://default:{token}@127.0.0.1:{port[0]}/windrow" if port else None
    finally:
        child.stop()


@contextmanager
def _attached(
    url: Callable[[], str | None], app: App, settings: Settings, stop: threading.Event
) -> Iterator[None]:
    """Once the store answers: prepare its tables, show the pages, start the loader. End it all at the end."""
    loader: list[Child] = []
    arguments = ["windrow_server.loader", "--data", str(settings.data)]

    def work() -> None:
        complained = False
        while not stop.wait(0.05):
            address = url()
            if address is None:
                continue
            try:
                store = Store.connect(address)
                store.migrate()
            except Exception as error:
                # Any kind of it: the store is another machine's business. Its message may quote the password.
                if not complained:
                    _log.warning("%s (%s)", _unanswered(settings.store), type(error).__name__)
                    complained = True
                stop.wait(_RETRY_SECONDS if settings.store != "embedded" else 0.2)
                continue
            app.attach(store)
            loader.append(Child("loader", lambda: arguments, {"WINDROW_STORE_URL": address}))
            loader[0].start()
            return

    thread = threading.Thread(target=work, name="windrow-attach", daemon=True)
    thread.start()
    try:
        yield
    finally:
        stop.set()
        thread.join(10.0)
        for child in loader:
            child.stop()


def _unanswered(store: str) -> str:
    if store == "embedded":
        return "The embedded store does not answer yet; trying again."
    address = urlsplit(store).netloc.rpartition("@")[2]  # never the name and the password
    return (
        f"The store at {address} does not answer yet; trying again, and batches wait in the inbox."
        " If it lasts, check --store: host, port, name and password."
    )


# ---- the web process --------------------------------------------------------------------------------


def _announce(settings: Settings, listener: socket.socket, token: str | None, products: list[str]) -> None:
    host, port = listener.getsockname()[:2]
    base = f"http://[{host}]:{port}" if ":" in host else f"http://{host}:{port}"
    click.echo(f"Windrow listens on {base}")
    click.echo(f"  insights   {base}/")
    click.echo(f"  batches    POST {base}/v1/batch (Windrow SDKs) and {base}/batch/ (PostHog SDKs)")
    click.echo(f"  products   {', '.join(products)}")
    click.echo(f"  data       {settings.data}")
    if token is not None:
        click.echo(f"Admin token: {token}")
        another = f"windrow-server token --data {shlex.quote(str(settings.data))} --new"
        click.echo(f"  It opens the insights, and is not shown again; `{another}` makes another.")
    click.echo("Ctrl-C ends it.")


@contextmanager
def _web(app: App) -> Iterator[uvicorn.Server]:
    """Yield the web server; from here on a signal ends it in order, also before it listens."""
    config = uvicorn.Config(
        app,
        http="httptools",
        ws="none",
        log_config=None,
        log_level="warning",
        access_log=False,  # it would write addresses
        proxy_headers=False,
        server_header=False,
        date_header=False,
        timeout_graceful_shutdown=2,
    )
    server = uvicorn.Server(config)

    def end(*_: object) -> None:
        server.should_exit = True

    # uvicorn puts its own handlers in front of these, and when it is done raises the signal again for them.
    before = {number: signal.signal(number, end) for number in (signal.SIGINT, signal.SIGTERM)}
    try:
        yield server
    finally:
        for number, handler in before.items():
            signal.signal(number, handler)
