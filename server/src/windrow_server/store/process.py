"""The store process: `python -m windrow_server.store.process --data DIR [--port N] [--patience SECONDS]`.

The token comes by the environment (`WINDROW_STORE_TOKEN`). Once it answers it prints one line, `{"port": …}`. It ends
with its standard input or at SIGTERM: what runs may finish for two seconds and is cancelled then, the engine is closed,
and only after that the process ends, with code 0.
"""

from __future__ import annotations

import argparse
import json
import os
import signal
import socket
import sys
import threading
from pathlib import Path

import uvicorn
from starlette.applications import Starlette

from windrow_server.store.engine import DEFAULT_PATIENCE, Engine
from windrow_server.store.front import create_front

_GRACE_SECONDS = 2  # twice this is less than the supervisor waits


def main() -> int:
    """Run until told to end; the exit code."""
    parser = argparse.ArgumentParser(prog="windrow_server.store.process", description=__doc__)
    parser.add_argument("--data", type=Path, required=True)
    parser.add_argument("--port", type=int, default=0)
    parser.add_argument("--patience", type=float, default=DEFAULT_PATIENCE)
    options = parser.parse_args()
    token = os.environ.pop("WINDROW_STORE_TOKEN", "")
    if not token:
        return _refuse("WINDROW_STORE_TOKEN is not set: the store would be open to every process here.")
    try:
        engine = Engine(options.data, patience=options.patience)
    except ImportError:
        return _refuse("chDB is not installed. Install it by `pip install 'windrow-server[embedded]'`.")
    except Exception as error:
        return _refuse(f"The store in {options.data} cannot be opened: {error}")
    return _serve(engine, token, options.port)


def _serve(engine: Engine, token: str, port: int) -> int:
    try:
        listener = socket.create_server(("127.0.0.1", port))
    except OSError as error:
        engine.close(0)
        return _refuse(f"Port {port} of 127.0.0.1 cannot be had: {error.strerror}.")
    stop = threading.Event()
    for number in (signal.SIGTERM, signal.SIGINT):
        signal.signal(number, lambda *_: stop.set())
    threading.Thread(target=_end_with_input, args=(stop,), daemon=True).start()
    server = _server(create_front(engine, token))
    # In a thread: in the main one uvicorn would take the signals, and end the process under the open engine.
    serving = threading.Thread(target=_run, args=(server, listener, stop))
    serving.start()
    try:
        print(json.dumps({"port": listener.getsockname()[1]}), flush=True)  # noqa: T201
    except OSError:
        # The parent was killed before it could be told. Raised, it would leave a store that nobody knows.
        stop.set()
    stop.wait()
    server.should_exit = True
    serving.join(_GRACE_SECONDS)
    if serving.is_alive():
        engine.cancel()
        serving.join(_GRACE_SECONDS)
    # The engine aborts the process when it is torn down under a running query; all it acknowledged is synced.
    closed = engine.close(0)
    os._exit(0 if closed else 1)


def _run(server: uvicorn.Server, listener: socket.socket, stop: threading.Event) -> None:
    try:
        server.run(sockets=[listener])
    finally:
        stop.set()


def _server(front: Starlette) -> uvicorn.Server:
    config = uvicorn.Config(
        front,
        http="httptools",
        ws="none",
        lifespan="off",
        log_level="warning",
        access_log=False,
        server_header=False,
        timeout_graceful_shutdown=2 * _GRACE_SECONDS,
    )
    return uvicorn.Server(config)


def _end_with_input(stop: threading.Event) -> None:
    # Read by descriptor: sys.stdin would hold a lock that the interpreter wants at its end.
    while os.read(0, 4096):
        pass
    stop.set()


def _refuse(message: str) -> int:
    print(message, file=sys.stderr)  # noqa: T201
    return 1


if __name__ == "__main__":
    sys.exit(main())
