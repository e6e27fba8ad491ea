"""Who may look: whoever holds the admin token. A signed cookie stands for it afterwards, and never contains it."""

from __future__ import annotations

import hashlib
import hmac
import secrets

COOKIE = "windrow_session"
SESSION_SECONDS = 14 * 24 * 3600
"""How long a log-in lasts."""


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


def local_path(text: str | None) -> str:
    """Return `text` when it is a path on this server, else "/": a log-in never leads to another host."""
    if not text or not text.startswith("/") or text.startswith(("//", "/\\")) or any(c < " " for c in text):
        return "/"
    return text
