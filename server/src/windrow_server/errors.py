"""All that the server refuses or fails at, declared once, as data.

`API_ERRORS` is the closed list of errors over HTTP: the answers, the reference page and the tests read it.
Errors at start are exceptions with a place and a remedy, and an exit code.
"""

from __future__ import annotations

from dataclasses import dataclass

from windrow.errors import WindrowError


@dataclass(frozen=True, slots=True)
class ApiError:
    """One error over HTTP: its slug, HTTP status, what is wrong and what to do about it."""

    slug: str
    status: int
    message: str
    action: str


_LIST = (
    ApiError(
        "not_json",
        400,
        "The body is not JSON.",
        "Send one JSON object, in UTF-8, as the envelope in spec/envelope.md says.",
    ),
    ApiError(
        "bad_gzip",
        400,
        "The body says that it is gzip, and cannot be unpacked.",
        "Send the whole gzip stream, or no Content-Encoding.",
    ),
    ApiError(
        "unsupported_encoding",
        400,
        "The body's Content-Encoding is not known here.",
        "Send the body plain or as gzip.",
    ),
    ApiError(
        "bad_envelope",
        400,
        "The body is JSON, and not an envelope.",
        "Compare it with spec/envelope.md: a field is missing or has the wrong type.",
    ),
    ApiError(
        "bad_request",
        400,
        "The body is JSON, and not this request.",
        "Compare it with spec/envelope.md: a field is missing or has the wrong type.",
    ),
    ApiError(
        "unsupported_format",
        400,
        "The format is newer than this collector.",
        "Upgrade the collector, or send format 1.",
    ),
    ApiError(
        "unknown_key",
        401,
        "No product of this collector has that key.",
        "Compare `key` with [product] in telemetry.toml; the collector gets that file by --catalogue.",
    ),
    ApiError("not_found", 404, "There is nothing at this path.", "Send batches to /v1/batch or /batch/."),
    ApiError("method_not_allowed", 405, "This path takes POST only.", "Send the batch with POST."),
    ApiError(
        "slow_body",
        408,
        "The body did not arrive in time.",
        "Send it again; send smaller batches over a slow line.",
    ),
    ApiError(
        "too_large",
        413,
        "The batch is larger than this collector reads.",
        "Send fewer events in a batch: see the limits in docs/reference/server.md.",
    ),
    ApiError(
        "too_many_requests",
        429,
        "Too many requests of this kind came with this key.",
        "Send it again after the seconds in Retry-After.",
    ),
    ApiError(
        "not_now",
        503,
        "The collector cannot do this now; nothing was changed or shown.",
        "Send it again after the seconds in Retry-After.",
    ),
    ApiError(
        "overloaded",
        503,
        "The collector cannot keep this batch now; nothing of it was kept.",
        "Send it again after the seconds in Retry-After.",
    ),
)
API_ERRORS: dict[str, ApiError] = {error.slug: error for error in _LIST}
"""Every error over HTTP by its slug."""


class ServerError(WindrowError):
    """The root of the server's own errors."""


class StartError(ServerError):
    """The server cannot start. The message says what is wrong and what to do; `code` is the exit code."""

    def __init__(self, message: str, code: int = 1) -> None:
        super().__init__(message)
        self.code = code


class Refusal(ServerError):
    """A request is answered with an error out of `API_ERRORS`. Carries nothing of the request itself.

    `after` is for Retry-After, in seconds; 0 leaves it to the collector.
    """

    def __init__(self, slug: str, detail: str = "", after: int = 0) -> None:
        self.error = API_ERRORS[slug]
        self.detail = detail
        self.after = after
        super().__init__(f"{slug}: {self.error.message} {detail}".rstrip())


class Overloaded(ServerError):
    """The inbox takes no more at present (too much waits, or the disk fails): nothing was kept."""
