"""One HTTP request → one query or insert → one HTTP response."""

import json
import logging
import re
import uuid
from collections.abc import AsyncIterator, Iterator, Mapping
from dataclasses import dataclass, replace

import anyio
import anyio.from_thread
import anyio.to_thread
from starlette.applications import Starlette
from starlette.requests import ClientDisconnect, Request
from starlette.responses import PlainTextResponse, Response
from starlette.routing import Route

from deploy.embedded.clickhouse_http import codecs, statuses
from deploy.embedded.clickhouse_http.access import (
    Passwords,
    User,
    credentials,
    denied,
    refuse_reading_outside,
)
from deploy.embedded.clickhouse_http.engine import Answer, Engine, Query, QueryFailedError
from deploy.embedded.clickhouse_http.statement import HEAD_BYTES_MAX, insert_of, is_insert

LOG = logging.getLogger(__name__)

# Of the address, not of the query. Sessions have nothing to keep: no setting survives a query.
NOT_SETTINGS = frozenset(
    {
        *("query", "database", "user", "password", "quota_key", "role", "query_id", "stacktrace"),
        *("session_id", "session_timeout", "session_check", "close_session"),
        *("default_format", "client_protocol_version", "buffer_size", "wait_end_of_query"),
        *("compress", "decompress", "enable_http_compression", "http_zlib_compression_level"),
        "add_http_cors_header",
    }
)
LAST_FORMAT = re.compile(r"(?is)\bFORMAT\s+([A-Za-z0-9_]+)\s*(?:SETTINGS\b[^;]*)?;?\s*$")


@dataclass(slots=True)
class Server:
    """The engine with its users and how many may use it at once."""

    engine: Engine
    passwords: Passwords
    reads: anyio.CapacityLimiter
    writes: anyio.CapacityLimiter

    async def answer(self, request: Request) -> Response:
        query_id = request.query_params.get("query_id") or str(uuid.uuid4())
        try:
            user = self.passwords.user(*credentials(request.headers, request.query_params))
            query = _query(request, user)
            done = await self._run(request, query, user)
        except QueryFailedError as problem:
            return _refusal(problem, query_id)
        except ClientDisconnect:
            return Response(status_code=499)
        format_name = named[1] if (named := LAST_FORMAT.search(query.text)) else query.format
        return _response(request, done, format_name, query_id)

    async def _run(self, request: Request, query: Query, user: User) -> Answer:
        body = codecs.inflated(request.stream(), request.headers.get("content-encoding", ""))
        text, rows = await _statement_and_rows(query.text, body)
        if insert := insert_of(text):
            head = text[insert.rows_offset :]
            work = replace(query, text=insert.statement, format=insert.format)
            chunks = _pulled(_after(head, rows))
            return await anyio.to_thread.run_sync(
                self.engine.insert, work, chunks, limiter=self.writes
            )
        work = replace(query, text=_decoded(text + b"".join([chunk async for chunk in rows])))
        limiter = self.writes if is_insert(text) else self.reads
        return await anyio.to_thread.run_sync(self._checked_run, work, user, limiter=limiter)

    def _checked_run(self, query: Query, user: User) -> Answer:
        only_reads = self.engine.only_reads(query.text)
        if not user.may_write:
            refuse_reading_outside(query.text)
            if not only_reads:
                raise denied("only statements that read are for this user")
        return self.engine.run(query)


def _decoded(text: bytes) -> str:
    try:
        statement = text.decode()
    except UnicodeDecodeError as problem:
        raise QueryFailedError(f"Code: 62. DB::Exception: {problem}. (SYNTAX_ERROR)") from None
    if not statement.strip():
        raise QueryFailedError("Code: 62. DB::Exception: Empty query. (SYNTAX_ERROR)")
    return statement


def _query(request: Request, user: User) -> Query:
    address, headers = request.query_params, request.headers
    _refuse_what_is_not_served(address, headers)
    settings = {
        name: value
        for name, value in address.items()
        if name not in NOT_SETTINGS and not name.startswith("param_")
    }
    if not user.may_write and settings:
        raise QueryFailedError(
            f"Code: 164. DB::Exception: Cannot modify '{next(iter(settings))}' setting "
            "in readonly mode. (READONLY)"
        )
    if request.method == "GET" and "readonly" not in settings:
        settings["readonly"] = "2"  # as the server has it: a link that is followed changes nothing
    return Query(
        text=address.get("query", ""),
        format=address.get("default_format") or headers.get("x-clickhouse-format", "TabSeparated"),
        database=address.get("database") or headers.get("x-clickhouse-database", ""),
        settings={**settings, **user.limits},
        parameters={n[6:]: value for n, value in address.items() if n.startswith("param_")},
    )


def _refuse_what_is_not_served(address: Mapping[str, str], headers: Mapping[str, str]) -> None:
    """Better a clear answer than one that its reader can not decode."""
    if "1" in (address.get("compress"), address.get("decompress")):
        raise QueryFailedError(
            "Code: 48. DB::Exception: compress=1 and decompress=1 (blocks with checksums) are not "
            "served here; use enable_http_compression=1 and Content-Encoding. (NOT_IMPLEMENTED)"
        )
    if headers.get("content-type", "").startswith("multipart/"):
        raise QueryFailedError(
            "Code: 48. DB::Exception: multipart bodies (external tables, parameters in forms) are "
            "not served here. (NOT_IMPLEMENTED)"
        )
    if "origin" in headers:
        raise QueryFailedError("Code: 497. DB::Exception: not for web pages. (ACCESS_DENIED)")


async def _statement_and_rows(
    text: str, body: AsyncIterator[bytes]
) -> tuple[bytes, AsyncIterator[bytes]]:
    """The statement, with as much of the body as it takes to see it whole; and the rest."""
    head = text.encode() + b"\n" if text.strip() else b""
    if head and insert_of(head):
        return head, body
    async for chunk in body:
        head += chunk
        if is_insert(head) and (len(head) > HEAD_BYTES_MAX or insert_of(head)):
            break
    return head, body


async def _after(head: bytes, rest: AsyncIterator[bytes]) -> AsyncIterator[bytes]:
    if head:
        yield head
    async for chunk in rest:
        yield chunk


def _pulled(chunks: AsyncIterator[bytes]) -> Iterator[bytes]:
    """For a worker thread: it waits for the network only when it is ready for more."""
    while True:
        try:
            yield anyio.from_thread.run(_next, chunks)
        except StopAsyncIteration:
            return


async def _next(chunks: AsyncIterator[bytes]) -> bytes:
    return await anext(chunks)


def _response(request: Request, done: Answer, format_name: str, query_id: str) -> Response:
    summary = {
        "read_rows": str(done.rows_read),
        "read_bytes": str(done.bytes_read),
        "written_rows": str(done.rows_written),
        "written_bytes": str(done.bytes_written),
        "result_rows": str(done.rows or done.rows_written),
        "result_bytes": str(len(done.body)),
        "elapsed_ns": str(int(done.elapsed_s * 1e9)),
    }
    headers = {
        "X-ClickHouse-Query-Id": query_id,
        "X-ClickHouse-Summary": json.dumps(summary),
        "X-ClickHouse-Format": format_name,
        "X-ClickHouse-Timezone": "UTC",
        "X-ClickHouse-Server-Display-Name": "rapport-embedded",
    }
    body = done.body
    encoding = codecs.accepted(request.headers.get("accept-encoding", ""))
    if encoding and body and request.query_params.get("enable_http_compression") == "1":
        body = codecs.DEFLATERS[encoding](body)
        headers["Content-Encoding"] = encoding
    return Response(body, headers=headers, media_type=statuses.content_type(format_name))


def _refusal(problem: QueryFailedError, query_id: str) -> Response:
    headers = {
        "X-ClickHouse-Query-Id": query_id,
        "X-ClickHouse-Exception-Code": str(problem.code),
    }
    return PlainTextResponse(f"{problem}\n", statuses.status_of(problem.code), headers)


async def _ok(_: Request) -> Response:
    return PlainTextResponse("Ok.\n")


def app(engine: Engine, passwords: Passwords) -> Starlette:
    """The ASGI application. Reads and writes have places of their own, so neither starves."""
    server = Server(engine, passwords, anyio.CapacityLimiter(8), anyio.CapacityLimiter(8))

    async def root(request: Request) -> Response:
        empty = request.method in ("GET", "HEAD") and "query" not in request.query_params
        return await (_ok(request) if empty else server.answer(request))

    everything = ["GET", "HEAD", "POST", "PUT"]
    return Starlette(
        routes=[
            Route("/ping", _ok),
            Route("/replicas_status", _ok),
            Route("/", root, methods=everything),
            Route("/{path:path}", root, methods=everything),
        ]
    )
