"""What Anchore has and this server has not: answered with 501, so that clients say so."""

from __future__ import annotations

from litestar import delete, get, post, put
from litestar.handlers import HTTPRouteHandler

from hullmark.server.api.anchore.failures import make_refusal
from hullmark.server.api.permissions import SIGNED_IN

_ADVICE = "docs/reference/anchore-api.md lists what is answered"
_ABSENT = {
    "archives of analyses": ("/archives", "/archives/{rest:path}"),
    "imports": ("/imports/{rest:path}", "/imageimport", "/import/images"),
    "artifacts of searches": ("/images/{digest:str}/artifacts/{kind:str}",),
    "SBOMs by this path": ("/images/{digest:str}/sboms/{kind:str}",),
    "Anchore's extensions": ("/enterprise/{rest:path}",),
    "interactive queries": ("/interactive/{rest:path}",),
    "queries for vulnerabilities": ("/query/vulnerabilities",),
    "switches for single feeds": ("/system/feeds/{rest:path}",),
}


def _handlers(what: str, paths: tuple[str, ...]) -> list[HTTPRouteHandler]:
    async def answer() -> None:
        raise make_refusal(501, f"{what} are not offered here", _ADVICE)

    return [
        method(list(paths), opt={"permission": SIGNED_IN}, status_code=200, include_in_schema=False)(answer)
        for method in (get, post, put, delete)
    ]


ROUTES = [handler for what, paths in _ABSENT.items() for handler in _handlers(what, paths)]
