"""Somebody at a page: what the API does for whoever asks there, with its checks and its entries in the audit log, and what came of it."""

from __future__ import annotations

import inspect
from collections.abc import Awaitable, Callable, Mapping
from typing import Any, cast

import msgspec
from litestar import Request, Response
from litestar.di import NamedDependency
from litestar.handlers import HTTPRouteHandler

from hullmark.model.errors import HullmarkError
from hullmark.server.api.caller import Caller
from hullmark.server.api.paging import Page
from hullmark.server.api.problems import Refusal, problem, status_of
from hullmark.server.console.forms import Fields
from hullmark.server.console.listing import Column, Listing
from hullmark.server.console.views import redirect, render
from hullmark.server.stories.identity.account_address import account_base
from hullmark.server.stories.services import Services

Body = tuple[type[msgspec.Struct], Mapping[str, Any]]
"""The body of a request of the API, and what its fields are to be; what is None is left out."""


class Visit:
    """One request for a page."""

    def __init__(self, request: Request[Any, Any, Any], services: Services, caller: Caller) -> None:
        self.request = request
        self.services = services
        self.caller = caller

    async def do(self, handler: HTTPRouteHandler, body: Body | None = None, **values: Any) -> Any:
        """What a route of the API does, and its answer. Raises Refusal, HullmarkError as that does."""
        needed = handler.opt.get("permission", "")
        if needed and not self.caller.may(needed):
            raise problem(
                403, f"this needs the permission {needed}", f"your role in {self.caller.account} is {self.caller.role}"
            )
        action: Callable[..., Awaitable[Any]] = handler.fn
        own = {
            "request": self.request,
            "services": self.services,
            "caller": self.caller,
            "origin": self.caller.origin,
        }
        taken = {name: value for name, value in own.items() if name in inspect.signature(action).parameters}
        given = values if body is None else {**values, "data": convert_form(*body)}
        return await action(**taken, **given)

    async def attempt(self, handler: HTTPRouteHandler, body: Body | None = None, **values: Any) -> Refusal | None:
        """The same; None where it was done, else why not, to be said at the page."""
        return await catch_refusal(self.do(handler, body, **values))

    def listing(
        self, named: str, columns: tuple[Column[Any], ...], handler: HTTPRouteHandler, /, **values: Any
    ) -> Listing[Any]:
        """A table of what a list of the API answers."""

        async def fetch(cursor: str, limit: int) -> Page[Any]:
            return cast("Page[Any]", await self.do(handler, limit=limit, cursor=cursor, **values))

        return Listing(name=named, columns=columns, fetch=fetch)

    def show(
        self,
        template: str,
        *,
        wrong: Refusal | None = None,
        given: Fields | None = None,
        done: Mapping[str, str] | None = None,
        **values: Any,
    ) -> Response[Any]:
        """The page. `wrong` is why an action was refused, `given` what its form held; `done` the sentences about actions that led here."""
        said = (done or {}).get(self.request.query_params.get("done", ""), "")
        return render(
            self.request,
            template,
            status=wrong.status if wrong else 200,
            wrong=wrong,
            given=given or Fields([]),
            done="" if wrong else said,
            **values,
        )

    def back(self, path: str, done: str = "") -> Response[bytes]:
        """After an action, to a page of the account, which says that it was done."""
        return redirect(f"{account_base(self.caller.account)}/{path}{f'?done={done}' if done else ''}")


async def catch_refusal(action: Awaitable[object]) -> Refusal | None:
    """Why an action was refused; None if it was done."""
    try:
        await action
    except Refusal as error:
        return error
    except HullmarkError as error:
        return Refusal(status_of(error), str(error)[:2000], (error.advice or "")[:2000])
    return None


def convert_form(kind: type[msgspec.Struct], values: Mapping[str, Any]) -> msgspec.Struct:
    """The body of a request out of a form. Raises Refusal 422 for what does not fit."""
    try:
        return msgspec.convert({name: value for name, value in values.items() if value is not None}, kind, strict=False)
    except msgspec.ValidationError as error:
        said, _, where = str(error).partition(" - at `$.")
        field = where.rstrip("`").replace("_", " ").partition("[")[0]
        raise problem(
            422, f"{field or 'the form'} cannot be used: {_explain_fault(said)}", "correct it, and send it again"
        ) from error


def _explain_fault(said: str) -> str:
    if said.startswith("Expected `str` matching regex"):
        return "it holds characters that it may not"
    return said[:1].lower() + said[1:300].replace("`", "")


async def provide_visit(
    request: Request[Any, Any, Any], services: NamedDependency[Services], caller: NamedDependency[Caller]
) -> Visit:
    """The dependency `visit`."""
    return Visit(request, services, caller)
