"""A ClickHouse HTTP front over the engine, so that its clients are the cluster's clients."""

from __future__ import annotations

import base64
import hmac
import importlib
import re
import zlib
from collections.abc import Callable, Mapping
from dataclasses import dataclass

from starlette.applications import Starlette
from starlette.concurrency import run_in_threadpool
from starlette.requests import Request
from starlette.responses import PlainTextResponse, Response
from starlette.routing import Route

from windrow_server.store.engine import Engine, EngineError

#: Parameters of the HTTP interface that are no settings of the engine.
_INTERFACE = frozenset(
    (
        *(
            "query",
            "database",
            "default_format",
            "user",
            "password",
            "session_id",
            "session_timeout",
            "query_id",
        ),
        *("compress", "decompress", "buffer_size", "wait_end_of_query", "role", "client_protocol_version"),
        *("send_progress_in_http_headers", "http_headers_progress_interval_ms", "enable_http_compression"),
        *("cancel_http_readonly_queries_on_client_close", "quota_key"),
    )
)
#: ClickHouse's HTTP statuses for the codes that clients look at; all others are 500.
_STATUSES = {516: 403, 193: 401, 60: 404, 81: 404, 62: 400, 47: 400, 36: 400, 457: 400, 159: 408, 48: 501}
_INSERT_WITH_DATA = re.compile(rb"\s*insert\s+into\s.*?\sformat\s+\w+[ \t]*\r?\n", re.IGNORECASE | re.DOTALL)
_LARGEST_FIELD = 64 * 1024**2  # bytes of one form field: clients send long parameters in a form
_WRONG_TOKEN = "Code: 516. DB::Exception: default: Authentication failed. (AUTHENTICATION_FAILED)"  # noqa: S105


def create_front(engine: Engine, token: str) -> Starlette:
    """The ASGI app: `/ping`, and statements at `/` for whoever knows `token`."""

    async def ping(_: Request) -> Response:
        return PlainTextResponse("Ok.\n")

    async def run(request: Request) -> Response:
        if not hmac.compare_digest(_password(request).encode(), token.encode()):
            return _failed(_WRONG_TOKEN, 516)
        try:
            asked = await _read(request)
            answer = await run_in_threadpool(
                engine.run,
                asked.statement,
                asked.body,
                database=_database(request),
                default_format=request.headers.get("x-clickhouse-format")
                or asked.values.get("default_format", "TabSeparated"),
                settings={k: v for k, v in asked.values.items() if _is_setting(k)},
                parameters={k[6:]: v for k, v in asked.values.items() if k.startswith("param_")},
            )
        except EngineError as error:
            return _failed(str(error), error.code)
        return Response(answer, headers={"x-clickhouse-timezone": "UTC", "x-clickhouse-summary": "{}"})

    return Starlette(routes=[Route("/ping", ping), Route("/", run, methods=["GET", "POST"])])


@dataclass(frozen=True, slots=True)
class _Asked:
    """One request, taken apart: the statement, what it inserts, and all other parameters."""

    statement: str
    body: bytes
    values: dict[str, str]


async def _read(request: Request) -> _Asked:
    values = dict(request.query_params)
    kind = request.headers.get("content-type", "").partition(";")[0].strip().lower()
    if kind in ("multipart/form-data", "application/x-www-form-urlencoded"):
        body = b""
        async with request.form(max_part_size=_LARGEST_FIELD) as form:
            values |= {name: value for name, value in form.items() if isinstance(value, str)}
    else:
        body = _unpacked(await request.body(), request.headers.get("content-encoding", ""))
    statement, body = _statement(values.pop("query", ""), body)
    return _Asked(statement, body, values)


def _unpacked(body: bytes, encoding: str) -> bytes:
    if encoding.lower() in ("", "identity"):
        return body
    try:
        return _unpacker(encoding.lower())(body)
    except EngineError:
        raise
    except Exception as error:  # each library has its own
        raise EngineError(f"Code: 432. DB::Exception: The body is no {encoding}: {error}.") from error


def _unpacker(encoding: str) -> Callable[[bytes], bytes]:
    if encoding in ("gzip", "deflate"):
        return lambda body: zlib.decompress(body, zlib.MAX_WBITS | 32)
    modules = {"lz4": "lz4.frame", "zstd": "backports.zstd"}  # there when the client that asks brought them
    try:
        unpack: Callable[[bytes], bytes] = importlib.import_module(modules[encoding]).decompress
    except (KeyError, ImportError):
        raise EngineError(
            f"Code: 48. DB::Exception: Content-Encoding {encoding} is not understood here;"
            " send gzip or nothing. (NOT_IMPLEMENTED)"
        ) from None
    return unpack


def _statement(query: str, body: bytes) -> tuple[str, bytes]:
    """Statement and data: the interface takes both in the body, one after the other, as well as apart."""
    if query.lstrip()[:6].lower() == "insert":
        return query, body
    whole = f"{query}\n".encode() + body if query else body
    found = _INSERT_WITH_DATA.match(whole)
    if found and found.end() < len(whole):
        return whole[: found.end()].decode("utf-8", "replace"), whole[found.end() :]
    return whole.decode("utf-8", "replace"), b""


def _is_setting(name: str) -> bool:
    return name not in _INTERFACE and not name.startswith("param_")


def _database(request: Request) -> str:
    return request.query_params.get("database") or request.headers.get("x-clickhouse-database") or "default"


def _password(request: Request) -> str:
    headers: Mapping[str, str] = request.headers
    if key := headers.get("x-clickhouse-key"):
        return key
    scheme, _, credentials = headers.get("authorization", "").partition(" ")
    if scheme.lower() == "basic":
        try:
            return base64.b64decode(credentials).decode().partition(":")[2]
        except ValueError:
            return ""
    return request.query_params.get("password", "")


def _failed(text: str, code: int) -> Response:
    return PlainTextResponse(
        f"{text}\n", _STATUSES.get(code, 500), headers={"x-clickhouse-exception-code": str(code)}
    )
