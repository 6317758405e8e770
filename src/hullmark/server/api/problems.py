"""Errors as application/problem+json (RFC 9457), with what to do about them in `advice`; to browsers, as a page."""

from __future__ import annotations

from http import HTTPStatus
from typing import Any

import msgspec
import psycopg
import structlog
from litestar import MediaType, Request, Response
from litestar.exceptions import HTTPException, ValidationException

from hullmark.model.errors import HullmarkError
from hullmark.net.errors import ForbiddenAddress, NetError
from hullmark.server.api.pages import problem_page, wants_page
from hullmark.server.objects.objects import ObjectsUnreachable
from hullmark.server.stories.muting import MutedServer
from hullmark.server.tables.database import DatabaseUnreachable
from hullmark.source import ImageNotFound
from hullmark.source.source import RegistryUnwell

MEDIA_TYPE = "application/problem+json"
NOT_UTF8 = "the body is not UTF-8, as JSON has to be"
_log = structlog.get_logger("hullmark.api")


class ProblemBody(msgspec.Struct, kw_only=True, omit_defaults=True):
    """What is wrong, and what to do. `sequence` is told to collectors: the last report of theirs that was taken."""

    type: str = "about:blank"
    title: str
    status: int
    detail: str = ""
    advice: str = ""
    errors: list[dict[str, str]] = []
    sequence: int | None = None


class Refusal(Exception):
    """Ends a request with a problem. `more` are other fields of its body."""

    def __init__(
        self,
        status: int,
        detail: str,
        advice: str = "",
        *,
        headers: dict[str, str] | None = None,
        more: dict[str, Any] | None = None,
    ) -> None:
        super().__init__(detail)
        self.status = status
        self.detail = detail
        self.advice = advice
        self.headers = headers or {}
        self.more = more or {}


def problem(status: int, detail: str, advice: str = "") -> Refusal:
    """A refusal to be raised."""
    return Refusal(status, detail, advice)


def not_found(what: str, advice: str = "") -> Refusal:
    """There is no such thing, or the account may not see it: both read the same."""
    return Refusal(404, f"there is no {what}", advice)


def answer(
    body: ProblemBody, headers: dict[str, str] | None = None, request: Request[Any, Any, Any] | None = None
) -> Response[bytes]:
    """The problem as a response; as a page for whoever asks with a browser."""
    if request is not None and wants_page(request):
        content = problem_page(body.status, body.title, body.detail, body.advice)
        return Response(
            content=content, status_code=body.status, media_type=MediaType.HTML, headers={**(headers or {})}
        )
    return Response(
        content=msgspec.json.encode(body), status_code=body.status, media_type=MEDIA_TYPE, headers=headers or {}
    )


def _title(status: int) -> str:
    try:
        return HTTPStatus(status).phrase
    except ValueError:
        return "Error"


def on_refusal(request: Request[Any, Any, Any], error: Refusal) -> Response[bytes]:
    """A refusal of ours."""
    body = ProblemBody(
        title=_title(error.status), status=error.status, detail=error.detail, advice=error.advice, **error.more
    )
    return answer(body, error.headers, request)


def on_http(request: Request[Any, Any, Any], error: HTTPException) -> Response[bytes]:
    """A refusal of the framework: a route that is not there, a body that is not what it should be."""
    errors: list[dict[str, str]] = []
    if isinstance(error, ValidationException) and isinstance(error.extra, list):
        errors = [
            {
                key: _explain_fault(str(value))[:500]
                for key, value in fault.items()
                if key in ("key", "message", "source")
            }
            for fault in error.extra
            if isinstance(fault, dict)
        ]
    status = error.status_code
    detail = str(error.detail)[:500] if status < 500 else ""
    return answer(
        ProblemBody(title=_title(status), status=status, detail=detail, errors=errors),
        dict(error.headers or {}),
        request,
    )


def _explain_fault(message: str) -> str:
    """What is wrong with a value, in words for people where the usual ones are for programs."""
    if message.startswith("Invalid RFC3339 encoded datetime"):
        return "a moment is written as 2026-12-31T08:00:00Z"
    return message.replace("Expected `str` matching regex", "it has to fit the pattern")


_STATUS: tuple[tuple[type[HullmarkError], int], ...] = (
    (ImageNotFound, 404),
    (ForbiddenAddress, 422),
    (MutedServer, 409),
    (NetError, 502),
    (RegistryUnwell, 502),
    (DatabaseUnreachable, 503),
    (ObjectsUnreachable, 503),
)


def status_of(error: HullmarkError) -> int:
    """The status of an answer to what could not be done."""
    return next((status for kind, status in _STATUS if isinstance(error, kind)), 422)


def on_error(request: Request[Any, Any, Any], error: HullmarkError) -> Response[bytes]:
    """What could not be done, by what stood in the way."""
    status = status_of(error)
    headers = {"Retry-After": "2"} if status == 503 else {}
    body = ProblemBody(
        title=_title(status), status=status, detail=str(error)[:2000], advice=(error.advice or "")[:2000]
    )
    return answer(body, headers, request)


def unkept(error: psycopg.DataError) -> HullmarkError:
    """What the database cannot hold came with the request: a zero character, a number or a moment out of all bounds."""
    _log.warning("not kept", error=str(error)[:500])
    return HullmarkError(
        "the request holds something that cannot be kept or compared",
        advice="send no zero characters, and numbers and moments within bounds",
    )


def on_unkept(request: Request[Any, Any, Any], error: psycopg.DataError) -> Response[bytes]:
    """A value that the database refused."""
    return on_error(request, unkept(error))


def on_bug(request: Request[Any, Any, Any], error: Exception) -> Response[bytes]:
    """A fault of ours: told in the log, with the request that met it."""
    _log.error("bug", path=request.url.path, method=request.method, exc_info=error)
    return answer(ProblemBody(title=_title(500), status=500, detail="this is a fault of the server; its log says more"))


def on_nested(_: Request[Any, Any, Any], __: RecursionError) -> Response[bytes]:
    """A body that is nested so deeply that it cannot be read."""
    return answer(ProblemBody(title=_title(400), status=400, detail="the body is nested too deeply"))


def is_body(error: UnicodeDecodeError) -> bool:
    """Whether the text that is not UTF-8 is that of a request, which the framework's decoder was given."""
    trace = error.__traceback__
    while trace is not None and trace.tb_next is not None:
        trace = trace.tb_next
    return trace is not None and trace.tb_frame.f_globals.get("__name__", "").startswith("litestar.serialization")


def on_undecodable(request: Request[Any, Any, Any], error: UnicodeDecodeError) -> Response[bytes]:
    """A body that is not UTF-8, as JSON has to be (RFC 8259, 8.1)."""
    if not is_body(error):
        return on_bug(request, error)
    return answer(ProblemBody(title=_title(400), status=400, detail=NOT_UTF8))


HANDLERS: dict[int | type[Exception], Any] = {
    Refusal: on_refusal,
    HTTPException: on_http,
    HullmarkError: on_error,
    psycopg.DataError: on_unkept,
    RecursionError: on_nested,
    UnicodeDecodeError: on_undecodable,
    Exception: on_bug,
}

__all__ = ["HANDLERS", "MEDIA_TYPE", "ProblemBody", "Refusal", "answer", "not_found", "problem"]
