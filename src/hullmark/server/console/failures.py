"""What stands in the way, as a page of the console."""

from __future__ import annotations

from typing import Any

from litestar import Request, Response
from litestar.exceptions import HTTPException

from hullmark.model.errors import HullmarkError
from hullmark.server.api import problems
from hullmark.server.console.views import render

_TITLES = {
    400: "This cannot be asked so",
    403: "Not for you",
    404: "Not here",
    409: "Something else came first",
    422: "This cannot be done",
    429: "Too many requests",
    500: "Something went wrong here",
    502: "Another server does not answer",
    503: "Not now",
}


def _page(request: Request[Any, Any, Any], status: int, detail: str, advice: str) -> Response[bytes]:
    title = _TITLES.get(status, "This did not work")
    return render(
        request, "pages/failure.html", status=status, title=title, detail=detail, advice=advice, number=status
    )


def on_refusal(request: Request[Any, Any, Any], error: problems.Refusal) -> Response[bytes]:
    """A refusal of ours."""
    answer = _page(request, error.status, error.detail, error.advice)
    answer.headers.update(error.headers)
    return answer


def on_http(request: Request[Any, Any, Any], error: HTTPException) -> Response[bytes]:
    """A refusal of the framework."""
    return _page(request, error.status_code, str(error.detail)[:500] if error.status_code < 500 else "", "")


def on_error(request: Request[Any, Any, Any], error: HullmarkError) -> Response[bytes]:
    """What could not be done."""
    status = problems.status_of(error)
    return _page(request, status, str(error)[:2000], (error.advice or "")[:2000])


HANDLERS: dict[Any, Any] = {
    problems.Refusal: on_refusal,
    HTTPException: on_http,
    HullmarkError: on_error,
}
