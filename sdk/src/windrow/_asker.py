"""Asks the product's snapshot functions: each in a daemon thread of its own, one at a time, and only for so long."""

from __future__ import annotations

import threading
import time

TYPE_CHECKING = False
if TYPE_CHECKING:
    from collections.abc import Callable

    from windrow._worker import Worker

ASK_SECONDS = 10.0


class NoAnswer(Exception):
    """The product's function hangs, or has ended its thread."""


class Asker:
    """One for each flusher; a function that hangs is not asked again that day, nor while it still hangs."""

    def __init__(self, worker: Worker) -> None:
        self._worker = worker
        self._hanging: dict[str, tuple[str, threading.Thread]] = {}

    def ask(self, event: str, provider: Callable[[], object], day: str) -> dict[str, object] | None:
        """The answer, cleaned; None, and counted, where the function fails or hangs."""

        def bounded() -> dict[object, object]:
            since, thread = self._hanging.get(event, ("", None))
            if thread is not None and (since == day or thread.is_alive()):
                raise NoAnswer
            return self._answer(event, provider, day)

        return self._worker.client.snapshot_of(event, bounded)

    def _answer(self, event: str, provider: Callable[[], object], day: str) -> dict[object, object]:
        answers: list[dict[object, object]] = []
        errors: list[Exception] = []

        def ask() -> None:
            try:
                answers.append(dict(provider()))  # type: ignore[call-overload]  # whatever it gives; it may hang too
            except Exception as error:
                errors.append(error)
            except BaseException as error:  # it would end whoever asks
                errors.append(NoAnswer(type(error).__name__))
            self._worker.answer_came()

        thread = threading.Thread(target=ask, name="windrow-snapshot", daemon=True)
        try:
            thread.start()
        except (
            RuntimeError
        ):  # the interpreter is ending, and close() waits for none of us longer than it was told
            ask()
        self._worker.wait_for_answer(lambda: bool(answers or errors), time.monotonic() + ASK_SECONDS)
        if answers:
            return answers[0]
        if errors:
            raise errors[0]
        self._hanging[event] = day, thread
        raise NoAnswer
