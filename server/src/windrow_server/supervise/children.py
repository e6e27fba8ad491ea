"""A child process that is kept alive: started again when it ends, and ended with its parent.

Children are spawned, never forked (the engine must not be). Each ends when its standard input does, so that
none outlives a parent that was killed.
"""

from __future__ import annotations

import logging
import os
import subprocess
import sys
import threading
import time
from collections.abc import Callable, Mapping, Sequence

_FIRST_PAUSE = 0.2
_LONGEST_PAUSE = 10.0
_STEADY_SECONDS = 30.0
_log = logging.getLogger("windrow.supervise")


class Child:
    """Keeps `python -m <arguments>` alive.

    `on_line` gets each line of its standard output, in a thread of this child. `arguments` is called before
    every start, so that a restart can ask for the port that the first start was given.
    """

    def __init__(
        self,
        name: str,
        arguments: Callable[[], Sequence[str]],
        environment: Mapping[str, str],
        on_line: Callable[[str], None] | None = None,
    ) -> None:
        self.name = name
        self._arguments = arguments
        self._environment = environment
        self._on_line = on_line or (lambda _line: None)
        self._stopping = threading.Event()
        self._process: subprocess.Popen[str] | None = None
        self._lock = threading.Lock()
        self._thread = threading.Thread(target=self._keep, name=f"windrow-{name}", daemon=True)

    def start(self) -> None:
        """Start it, and watch over it from now on."""
        self._thread.start()

    def stop(self, grace: float = 5.0) -> None:
        """End it: by the end of its input, then (after `grace` seconds) by SIGTERM, then by SIGKILL."""
        self._stopping.set()
        with self._lock:
            process = self._process
        if process is not None:
            _close_input(process)
            for force, seconds in ((process.terminate, grace), (process.kill, 2.0)):
                try:
                    process.wait(seconds)
                    break
                except subprocess.TimeoutExpired:
                    force()
        if self._thread.is_alive():
            self._thread.join(3.0)

    def _keep(self) -> None:
        pause = _FIRST_PAUSE
        while not self._stopping.is_set():
            began = time.monotonic()
            try:
                end = f"ended with code {self._run()}"
            except OSError as error:  # too many open files, no memory: it passes
                end = f"could not be started ({error.strerror})"
            if self._stopping.is_set():
                return
            pause = (
                _FIRST_PAUSE if time.monotonic() - began > _STEADY_SECONDS else min(pause * 2, _LONGEST_PAUSE)
            )
            _log.warning("The %s %s; starting it again in %.1f s.", self.name, end, pause)
            self._stopping.wait(pause)

    def _run(self) -> int:
        with self._lock:
            if self._stopping.is_set():
                return 0
            # Its own session: Ctrl-C in a terminal reaches the parent alone, which ends its children.
            process = self._process = subprocess.Popen(
                [sys.executable, "-m", *self._arguments()],
                stdin=subprocess.PIPE,
                stdout=subprocess.PIPE,
                env={**os.environ, **self._environment},
                text=True,
                errors="replace",
                start_new_session=True,
            )
        assert process.stdout is not None
        for line in process.stdout:
            self._on_line(line)
        code = process.wait()
        process.stdout.close()
        _close_input(process)
        return code


def _close_input(process: subprocess.Popen[str]) -> None:
    assert process.stdin is not None
    try:
        process.stdin.close()
    except OSError:  # it is gone already
        return
