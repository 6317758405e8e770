"""Errors below /v1, in the body that Anchore's clients read."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

import msgspec
import psycopg
from litestar import Request, Response
from litestar.exceptions import HTTPException

from hullmark.model.errors import HullmarkError
from hullmark.net.errors import ForbiddenAddress, NetError
from hullmark.report.anchore.errors import ErrorBody, error_body, error_of
from hullmark.server.api.problems import HANDLERS, NOT_UTF8, Refusal, is_body, on_bug, unkept
from hullmark.server.objects.objects import ObjectsUnreachable
from hullmark.server.tables.database import DatabaseUnreachable
from hullmark.source import ImageNotFound
from hullmark.source.source import RegistryUnwell

PREFIX = "/v1"
_KINDS: tuple[tuple[type[HullmarkError], int, tuple[str, ...]], ...] = (
    (ImageNotFound, 404, ("REGISTRY_IMAGE_NOT_FOUND",)),
    (ForbiddenAddress, 400, ()),
    (NetError, 502, ("REGISTRY_NOT_ACCESSIBLE",)),
    (RegistryUnwell, 502, ("REGISTRY_NOT_ACCESSIBLE",)),
    (DatabaseUnreachable, 503, ()),
    (ObjectsUnreachable, 503, ()),
)
_Handler = Callable[[Request[Any, Any, Any], Any], Response[Any]]


class ReadyAnswer(Exception):
    """Ends a request with a body that is ready."""

    def __init__(self, body: ErrorBody) -> None:
        super().__init__(body.message)
        self.body = body


def missing(what: str, advice: str = "") -> ReadyAnswer:
    """There is no such thing, or the account may not see it: both read the same."""
    return ReadyAnswer(error_body(f"there is no {what}", 404, detail={"advice": advice} if advice else None))


def make_refusal(status: int, message: str, advice: str = "", codes: tuple[str, ...] = ()) -> ReadyAnswer:
    """A refusal to be raised."""
    return ReadyAnswer(error_body(message, status, codes=codes, detail={"advice": advice} if advice else None))


def _answer(body: ErrorBody, headers: dict[str, str] | None = None) -> Response[bytes]:
    return Response(
        msgspec.json.encode(body), status_code=body.httpcode, media_type="application/json", headers=headers or {}
    )


def _on_told(_: Request[Any, Any, Any], error: ReadyAnswer) -> Response[bytes]:
    return _answer(error.body)


def _on_refusal(_: Request[Any, Any, Any], error: Refusal) -> Response[bytes]:
    status = 400 if error.status == 422 else error.status
    detail = {"advice": error.advice} if error.advice else None
    return _answer(error_body(error.detail, status, detail=detail), error.headers)


def _on_http(_: Request[Any, Any, Any], error: HTTPException) -> Response[bytes]:
    status = error.status_code
    message = str(error.detail)[:500] if status < 500 else "the request could not be answered"
    wrong = error.extra if status == 400 and isinstance(error.extra, list) else []
    faults = [str(fault.get("message", ""))[:500] for fault in wrong if isinstance(fault, dict)]
    return _answer(
        error_body(message, status, detail={"validation": faults} if faults else None), dict(error.headers or {})
    )


def _on_error(_: Request[Any, Any, Any], error: HullmarkError) -> Response[bytes]:
    status, codes = next(((status, codes) for kind, status, codes in _KINDS if isinstance(error, kind)), (400, ()))
    return _answer(error_of(error, status, codes=codes), {"Retry-After": "2"} if status == 503 else {})


def _on_nested(_: Request[Any, Any, Any], __: RecursionError) -> Response[bytes]:
    return _answer(error_body("the body is nested too deeply", 400))


def _on_unkept(request: Request[Any, Any, Any], error: psycopg.DataError) -> Response[bytes]:
    return _on_error(request, unkept(error))


def _on_undecodable(request: Request[Any, Any, Any], error: UnicodeDecodeError) -> Response[bytes]:
    return _answer(error_body(NOT_UTF8, 400)) if is_body(error) else _on_bug(request, error)


def _on_bug(request: Request[Any, Any, Any], error: Exception) -> Response[bytes]:
    on_bug(request, error)
    return _answer(error_body("this is a fault of the server; its log says more", 500))


_OURS: dict[int | type[Exception], _Handler] = {
    Refusal: _on_refusal,
    HTTPException: _on_http,
    HullmarkError: _on_error,
    psycopg.DataError: _on_unkept,
    RecursionError: _on_nested,
    UnicodeDecodeError: _on_undecodable,
    Exception: _on_bug,
}


def _by_prefix(ours: _Handler, native: _Handler) -> _Handler:
    def handler(request: Request[Any, Any, Any], error: Any) -> Response[Any]:
        path = request.url.path
        return (ours if path == PREFIX or path.startswith(f"{PREFIX}/") else native)(request, error)

    return handler


FAILURES: dict[int | type[Exception], Any] = {
    ReadyAnswer: _on_told,
    **{kind: _by_prefix(_OURS[kind], HANDLERS[kind]) if kind in _OURS else HANDLERS[kind] for kind in HANDLERS},
}
"""For the whole application: below /v1 Anchore's body, elsewhere that of `problems`. Paths without a route are answered here too."""
