"""The instance's secret, and what is derived from it. Nothing comes from the machine or from people."""

from __future__ import annotations

import os

from windrow.envelope import instance_of, read_token
from windrow.errors import StateError

TYPE_CHECKING = False
if TYPE_CHECKING:
    from windrow.state import State

_SECRET_BYTES = 32
#: One key for each purpose, so that giving one away gives nothing else away.
PURPOSES = ("erase", "digest", "rotate")


class Identity:
    """Made from 32 random bytes. `instance_id` is what is sent."""

    def __init__(self, secret: bytes) -> None:
        self._secret = secret
        self.instance_id = instance_of(read_token(self.token("erase")))
        self._digest_key = self.token("digest")

    def token(self, purpose: str) -> bytes:
        """The 32-byte key of a purpose: HKDF-SHA-256 (RFC 5869) without salt, info `windrow/<purpose>`."""
        if purpose not in PURPOSES:
            raise ValueError(f"{purpose!r} is not one of {', '.join(PURPOSES)}")
        pseudorandom = _hmac(bytes(32), self._secret)
        return _hmac(pseudorandom, f"windrow/{purpose}".encode() + b"\x01")

    def digest(self, value: str) -> str:
        """The keyed hash of a value, 64 hex digits. Raises `UnicodeEncodeError` for lone surrogates."""
        return _hmac(self._digest_key, value.encode()).hex()


def identify_instance(state: State) -> Identity:
    """The identity in the state; made if there is none yet. Of many processes that try, one wins.

    Raises `StateError` where there is a secret that is none.
    """
    found = state.get("secret")
    while found is None:
        state.swap("secret", None, os.urandom(_SECRET_BYTES).hex())
        found = state.get("secret")
    try:
        secret = bytes.fromhex(found)
    except ValueError:
        secret = b""
    if len(secret) != _SECRET_BYTES:
        raise StateError("The secret in the state is damaged. Remove the state to begin anew.")
    return Identity(secret)


def _hmac(key: bytes, message: bytes) -> bytes:
    import hmac

    return hmac.digest(key, message, "sha256")
