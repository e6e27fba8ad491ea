"""`windrow-server serve`: everything that must hold before it listens, then the web process itself."""

from __future__ import annotations

import errno
import fcntl
import importlib.util
import json
import logging
import os
import secrets
import signal
import socket
import threading
from collections.abc import Callable, Iterator
from contextlib import ExitStack, contextmanager
from pathlib import Path
from urllib.parse import urlsplit

import click
import uvicorn
from sqlalchemy.exc import DatabaseError
from windrow.catalogue import Catalogue, load
from windrow.errors import CatalogueError

from windrow_server.app import App
from windrow_server.collector import Admission, Collector
from windrow_server.errors import StartError
from windrow_server.inbox import Inbox
from windrow_server.meta import Meta
from windrow_server.settings import LIMIT, Settings
from windrow_server.store import Store
from windrow_server.supervise.children import Child

_RETRY_SECONDS = 2.0
_log = logging.getLogger("windrow.supervise")


def serve(settings: Settings) -> None:
    """Run the server until SIGINT or SIGTERM. Raises `StartError` when it cannot start."""
    logging.basicConfig(format="%(levelname)s %(name)s: %(message)s", level=logging.WARNING)
    _check_store(settings.store)
    catalogues = _loaded(settings.catalogues)
    with ExitStack() as stack:
        stack.enter_context(_locked(settings.data))
        meta = _opened(settings.data / "meta.sqlite")
        stack.callback(meta.close)
        for catalogue in catalogues:
            meta.register(catalogue)
        admission = Admission(_known(meta), meta.secret("posthog-wire"))
        listener = stack.enter_context(_bound(settings.host, settings.port))
        inbox = Inbox(settings.data)
        stack.callback(inbox.close)
        app = App(Collector(inbox, admission), inbox, meta, settings)
        token = meta.ensure_admin_token(settings.admin_token)
        stop = threading.Event()
        url = stack.enter_context(_store_process(settings))
        stack.enter_context(_attached(url, app, settings, stop))
        stack.callback(stop.set)
        with _web(app) as web:
            _announce(settings, listener, token, sorted(admission.products))
            web.run(sockets=[listener])


# ---- before it listens ------------------------------------------------------------------------------


def _check_store(store: str) -> None:
    if store == "embedded":
        if importlib.util.find_spec("chdb") is None:
            raise StartError(
                "The embedded store needs chDB, which is not installed."
                " Install it by `pip install 'windrow-server[embedded]'`, or name a ClickHouse by --store."
            )
        return
    parts = urlsplit(store)
    if parts.scheme not in ("http", "https") or not parts.hostname or len(parts.path) < 2:
        raise StartError("--store is neither `embedded` nor http://name:password@host:port/database.", 2)


def _loaded(files: tuple[Path, ...]) -> list[Catalogue]:
    catalogues = []
    for file in files:
        try:
            catalogues.append(load(file))
        except CatalogueError as error:
            raise StartError(f"The catalogue {file} cannot be used:\n{error}", 2) from None
        except OSError as error:
            raise StartError(f"The catalogue {file} cannot be read: {error.strerror}.", 2) from None
    return catalogues


def _known(meta: Meta) -> list[Catalogue]:
    catalogues = meta.catalogues()
    if not catalogues:
        raise StartError(
            "The server knows no product yet. Give it a catalogue: --catalogue telemetry.toml", 2
        )
    owners: dict[str, str] = {}
    for product in (catalogue.product for catalogue in catalogues):
        if owners.setdefault(product.key, product.name) != product.name:
            raise StartError(
                f"The products {owners[product.key]} and {product.name} have the same key."
                " Give each its own in [product] of its telemetry.toml.",
                2,
            )
    return catalogues


@contextmanager
def _locked(data: Path) -> Iterator[None]:
    """Hold the data folder: two servers in one would each hand out the other's batches."""
    try:
        data.mkdir(parents=True, exist_ok=True)
        handle = os.open(data / "serve.lock", os.O_RDWR | os.O_CREAT | os.O_CLOEXEC, 0o600)
    except OSError as error:
        raise StartError(
            f"The data folder {data} cannot be written: {error.strerror}."
            " Name another with --data, or change its permissions."
        ) from None
    try:
        try:
            fcntl.flock(handle, fcntl.LOCK_EX | fcntl.LOCK_NB)
        except BlockingIOError:
            raise StartError(
                f"Another windrow-server already serves {data}. End it, or name another folder with --data."
            ) from None
        yield
    finally:
        os.close(handle)


def _opened(path: Path) -> Meta:
    try:
        return Meta(path)
    except DatabaseError as error:
        raise StartError(f"{path} cannot be opened: {error.orig}. Restore it from a backup.") from None


@contextmanager
def _bound(host: str, port: int) -> Iterator[socket.socket]:
    try:
        family, *_, address = socket.getaddrinfo(host, port, type=socket.SOCK_STREAM)[0]
        listener = socket.create_server(address[:2], family=family, backlog=2048)
    except OSError as error:
        reason = "the port is in use" if error.errno == errno.EADDRINUSE else error.strerror
        raise StartError(
            f"Cannot listen on {host}:{port}: {reason}. Choose another --port, or end what holds it."
        ) from None
    with listener:
        yield listener


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
        if not port and line.startswith("{"):
            port.append(int(json.loads(line)["port"]))

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
                    _log.warning("The store does not answer yet (%s); trying again.", type(error).__name__)
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
        click.echo(
            "  It opens the insights, and is not shown again; `windrow-server token --new` makes another."
        )
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
        limit_concurrency=LIMIT["connections"],
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
