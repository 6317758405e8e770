"""The address of the server itself: people who open it want the console; programs ask below /api and /v1, and find nothing here."""

from __future__ import annotations

from typing import Any

from litestar import Request, Response, get

from hullmark.server.api.problems import not_found
from hullmark.server.console.views import redirect


@get("/", opt={"public": True}, include_in_schema=False)
async def front(request: Request[Any, Any, Any]) -> Response[bytes]:
    """To the console, for whoever reads pages."""
    accepted = {part.partition(";")[0].strip().lower() for part in request.headers.get("accept", "").split(",")}
    if "text/html" not in accepted:
        raise not_found(
            "resource at this address", "the API is below /api/v1, Anchore's below /v1, the console at /console/"
        )
    return redirect("/console/")


ROUTES = [front]
