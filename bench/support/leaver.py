"""A program that tracks events, and falls off the end of main: `python -m bench.support.leaver SUBJECT URL EVENTS`."""

from __future__ import annotations

import sys
import time

from bench.support.clients import start
from bench.support.product import PROPERTIES

subject, url, events = sys.argv[1:]
client = start(subject, url)
call = compile(client.statement, "the call", "eval")
names = {**client.names, "PROPERTIES": PROPERTIES}
for _ in range(int(events)):
    eval(call, names)
print(time.time(), flush=True)
