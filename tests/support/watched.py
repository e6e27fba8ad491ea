"""What a process must not do while telemetry is off: seen from inside, by an audit hook, and by strace."""

from __future__ import annotations

import re

#: Before a program: `seen` names sockets, threads and files that are written; `told()` empties and gives it.
HOOK = """
import sys, threading
seen = []
def watch(name, arguments):
    if name.startswith(("socket.", "_thread.start", "os.mkdir", "os.rename", "os.remove", "subprocess", "os.fork")):
        seen.append(name)
    if name == "open" and isinstance(arguments[1], str) and set(arguments[1]) & set("wax+"):
        seen.append(arguments[0])
    if name == "open" and arguments[1] is None and arguments[2] & 3:
        seen.append(arguments[0])
def told():
    found = list(seen)
    seen.clear()
    return found
sys.addaudithook(watch)
"""
TRACED = ("strace", "-f", "-qq", "-e", "trace=network,openat,creat,mkdir,rename,unlink", "-o")


def network_and_writes(log: str) -> list[str]:
    """The lines of strace's log that tell of a socket, or of a file that is made, written or removed."""
    assert "telemetry.toml" in log, "strace saw nothing at all"
    made = re.findall(r"^.*(?:socket|connect|creat|mkdir|rename|unlink)\(.*$", log, re.MULTILINE)
    written = re.findall(r"^.*openat\(.*O_(?:WRONLY|RDWR|CREAT).*$", log, re.MULTILINE)
    return [line for line in made + written if not re.search("/dev/null|O_DIRECTORY|= -1 E", line)]
