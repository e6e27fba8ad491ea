"""`python -m hay --port 7718 --data DIR`."""

from __future__ import annotations

import argparse
from pathlib import Path

import uvicorn

from hay.app import create_app

parser = argparse.ArgumentParser(prog="hay", description="A small Hay, for Windrow's demo and tests.")
parser.add_argument("--host", default="127.0.0.1")
parser.add_argument("--port", type=int, default=7718)
parser.add_argument("--data", type=Path, required=True, help="folder of the database and of hay.toml")

if __name__ == "__main__":
    options = parser.parse_args()
    uvicorn.run(
        create_app(options.data),
        host=options.host,
        port=options.port,
        log_level="warning",
        access_log=False,
        timeout_graceful_shutdown=2,
    )
