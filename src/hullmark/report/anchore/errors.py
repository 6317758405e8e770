"""Errors as Anchore's clients read them."""

from __future__ import annotations

import msgspec

from hullmark.model.errors import HullmarkError
from hullmark.report.anchore.words import Json

_TYPES = {
    400: "BadRequest",
    401: "Unauthorized",
    403: "AccessDenied",
    404: "NotFound",
    409: "ConflictingRequest",
    413: "RequestTooLarge",
    429: "TooManyRequests",
    501: "NotImplemented",
}


class ErrorBody(msgspec.Struct, frozen=True, kw_only=True):
    """An error. `detail` has at least `error_codes`."""

    code: int
    detail: Json
    error_type: str
    httpcode: int
    message: str


def error_body(message: str, status: int, *, codes: tuple[str, ...] = (), detail: Json | None = None) -> ErrorBody:
    """The body of an answer with this status code."""
    return ErrorBody(
        code=status,
        detail={**(detail or {}), "error_codes": list(codes)},
        error_type=_TYPES.get(status, "InternalError" if status >= 500 else "BadRequest"),
        httpcode=status,
        message=message,
    )


def error_of(error: HullmarkError, status: int, *, codes: tuple[str, ...] = ()) -> ErrorBody:
    """The body for an error of our own, with its advice among the details."""
    return error_body(str(error), status, codes=codes, detail={"advice": error.advice} if error.advice else None)


def not_analysed(state: str) -> ErrorBody:
    """The answer about an image that is not analysed, in Anchore's word for its state: clients ask again for it."""
    return error_body(f"image is not analyzed - analysis_status: {state}", 404)
