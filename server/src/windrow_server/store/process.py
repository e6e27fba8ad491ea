"""The store process: `python -m windrow_server.store.process --data DIR [--port N]`.

The token comes by the environment (`WINDROW_STORE_TOKEN`). Once it answers it prints one line, `{"port": …}`. It ends
with its standard input or at SIGTERM: what runs is finished, the engine is closed, and then the process ends.
"""

from __future__ import annotations

import argparse
import json
import os
import socket
import sys
import threading
from pathlib import Path

import uvicorn

from windrow_server.store.engine import Engine
from windrow_server.store.front import create_front

_GRACE_SECONDS = 5


def main() -> int:
    """Run until told to end; the exit code."""
    parser = argparse.ArgumentParser(prog="windrow_server.store.process", description=__doc__)
    parser.add_argument("--data", type=Path, required=True)
    parser.add_argument("--port", type=int, default=0)
    options = parser.parse_args()
    token = os.environ.pop("WINDROW_STORE_TOKEN", "")
    if not token:
        return _refuse("WINDROW_STORE_TOKEN is not set: the store would be open to every process here.")
    try:
        engine = Engine(options.data)
    except ImportError:
        return _refuse("chDB is not installed. Install it by `pip install 'windrow-server[embedded]'`.")
    except Exception as error:
        return _refuse(f"The store in {options.data} cannot be opened: {error}")
    return _serve(engine, token, options.port)


def _serve(engine: Engine, token: str, port: int) -> int:
    listener = socket.create_server(("127.0.0.1", port))
    config = uvicorn.Config(
        create_front(engine, token),
        http="httptools",
        ws="none",
        lifespan="off",
        log_level="warning",
        access_log=False,
        server_header=False,
        timeout_graceful_shutdown=_GRACE_SECONDS,
    )
    server = uvicorn.Server(config)
    threading.Thread(target=_end_with_input, args=(server,), daemon=True).start()
    print(json.dumps({"port": listener.getsockname()[1]}), flush=True)  # noqa: T201
    server.run(sockets=[listener])
    sys.stdout.flush()
    # The engine aborts the process when it is torn down under a running query; all it acknowledged is synced.
    closed = engine.close(_GRACE_SECONDS)
    os._exit(0 if closed else 1)


def _end_with_input(server: uvicorn.Server) -> None:
    # Read by descriptor: sys.stdin would hold a lock that the interpreter wants at its end.
    while os.read(0, 4096):
        pass
    server.should_exit = True


def _refuse(message: str) -> int:
    print(message, file=sys.stderr)  # noqa: T201
    return 1


if __name__ == "__main__":
    sys.exit(main())
