"""The instance's secret, and what is derived from it. Nothing comes from the machine or from people."""

from __future__ import annotations

import os

from windrow.envelope import instance_of, read_token, wire_time
from windrow.errors import StateError

TYPE_CHECKING = False
if TYPE_CHECKING:
    from windrow.state import State

_SECRET_BYTES = 32
#: One key for each purpose, so that giving one away gives nothing else away.
PURPOSES = ("erase", "digest", "rotate")
_MOST_MONTHS = 1000


class Identity:
    """Made from 32 random bytes. `monthly`: another id in each month (`rotate = "monthly"`)."""

    def __init__(self, secret: bytes, *, monthly: bool = False) -> None:
        self._secret = secret
        self._monthly = monthly
        self._digest_key = self.token("digest")
        self._ids: dict[str, str] = {}

    def token(self, purpose: str) -> bytes:
        """The 32-byte key of a purpose: HKDF-SHA-256 (RFC 5869) without salt, info `windrow/<purpose>`."""
        if purpose not in PURPOSES:
            raise ValueError(f"{purpose!r} is not one of {', '.join(PURPOSES)}")
        pseudorandom = _hmac(bytes(32), self._secret)
        return _hmac(pseudorandom, f"windrow/{purpose}".encode() + b"\x01")

    def erase_token(self, day: str) -> bytes:
        """The token that proves the right to erase what was sent under the id of that day (`2026-11-24`)."""
        return _hmac(self.token("rotate"), day[:7].encode()) if self._monthly else self.token("erase")

    def at(self, day: str) -> str:
        """The instance id on a day, or at a moment of the wire."""
        month = day[:7] if self._monthly else ""
        if month not in self._ids:
            self._ids[month] = instance_of(read_token(self.erase_token(day)))
        return self._ids[month]

    def place(self, day: str) -> float:
        """Where between 0 and 1 this instance stands among all, evenly spread; it never leaves."""
        return int.from_bytes(_hmac(self._key_of(day), b"place")[:4], "big") / 2**32

    def second_of_day(self, day: str) -> int:
        """When in the day (UTC) this instance sends what is sent once a day."""
        return int(self.place(day) * 86_400)

    def digest(self, value: str, moment: float) -> str:
        """The keyed hash of a value, 64 hex digits. Raises `UnicodeEncodeError` for lone surrogates."""
        return _hmac(self._key_of(wire_time(moment, "day") if self._monthly else ""), value.encode()).hex()

    def _key_of(self, day: str) -> bytes:
        # What stayed the same from month to month would join the ids of both.
        return _hmac(self._digest_key, day[:7].encode()) if self._monthly else self._digest_key


def identify_instance(state: State, *, monthly: bool = False) -> Identity:
    """The identity in the state; made if there is none yet. Of many processes that try, one wins.

    Raises `StateError` where there is a secret that is none.
    """
    found = state.get("secret")
    while found is None:
        state.swap("secret", None, os.urandom(_SECRET_BYTES).hex())
        found = state.get("secret")
    return identity_of(found, monthly=monthly)


def identity_of(secret: str, *, monthly: bool = False) -> Identity:
    """The identity of a row. Raises `StateError` where it is damaged."""
    try:
        raw = bytes.fromhex(secret)
    except ValueError:
        raw = b""
    if len(raw) != _SECRET_BYTES:
        raise StateError("The secret in the state is damaged. Remove the state to begin anew.")
    return Identity(raw, monthly=monthly)


def sequence_row(day: str, *, monthly: bool) -> str:
    """The row of the batches' number: numbers that went on from month to month would join the ids of both."""
    return f"sequence:{day[:7]}" if monthly else "sequence"


def note_month(state: State, day: str) -> None:
    """Remember that an id of this month was used, so that `forget` can name it. Raises `StateError`, `OSError`."""
    while True:
        row = state.get("months")
        months = row.split(" ") if row else []
        if day[:7] in months:
            return
        if state.swap("months", row, " ".join([*months, day[:7]][-_MOST_MONTHS:])):
            return


def _hmac(key: bytes, message: bytes) -> bytes:
    import hmac

    return hmac.digest(key, message, "sha256")
