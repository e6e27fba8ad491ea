"""Who may look: whoever holds the admin token. A signed cookie stands for it afterwards, and never contains it."""

from __future__ import annotations

import hashlib
import hmac
import secrets
from collections import deque

COOKIE = "windrow_session"
SESSION_SECONDS = 14 * 24 * 3600
"""How long a log-in lasts."""
ATTEMPTS = 10
ATTEMPTS_SECONDS = 60


class Sessions:
    """Cookies of the form `expiry.nonce.signature`, signed with a key that never leaves the server.

    No list is kept, so that a restart logs nobody out. Another `key` ends every session.
    """

    def __init__(self, key: bytes) -> None:
        self._key = key

    def begin(self, now: float) -> str:
        """Return a cookie value that is good for `SESSION_SECONDS` from `now` (unix seconds)."""
        claim = f"{int(now) + SESSION_SECONDS}.{secrets.token_hex(8)}"
        return f"{claim}.{self._signature(claim)}"

    def good(self, cookie: str | None, now: float) -> bool:
        """Say whether the cookie was made here and has not run out. Never raises, whatever the cookie is."""
        claim, _, signature = (cookie or "").rpartition(".")
        # The signature first, and over bytes: what follows then reads only what was written here.
        if not hmac.compare_digest(self._signature(claim).encode(), signature.encode("utf-8", "replace")):
            return False
        return int(claim.partition(".")[0]) > now

    def _signature(self, claim: str) -> str:
        return hmac.new(self._key, claim.encode("utf-8", "replace"), hashlib.sha256).hexdigest()


class Attempts:
    """Counts wrong tokens, for all who try together: telling them apart would mean to keep their addresses.

    It is asked about wrong tokens only: the right one is always taken.
    """

    def __init__(self) -> None:
        self._wrong: deque[float] = deque(maxlen=ATTEMPTS)

    def wait(self, now: float) -> int:
        """Return the seconds until another wrong token is answered as such (401, not 429); 0 for at once."""
        if len(self._wrong) < ATTEMPTS:
            return 0
        return (
            max(0, int(self._wrong[0] + ATTEMPTS_SECONDS - now) + 1)
            if now < self._wrong[0] + ATTEMPTS_SECONDS
            else 0
        )

    def wrong(self, now: float) -> None:
        """Remember that a wrong token came in."""
        self._wrong.append(now)


def local_path(text: str | None) -> str:
    """Return `text` when it is a path on this server, else "/": a log-in never leads to another host."""
    if not text or not text.startswith("/") or text.startswith(("//", "/\\")) or any(c < " " for c in text):
        return "/"
    return text
