"""Logins at registries: kept, tried, and forgotten."""

from __future__ import annotations

from typing import Any

from litestar import Response, get, post
from litestar.di import NamedDependency

from hullmark.server.api.problems import Refusal
from hullmark.server.api.resources import registries
from hullmark.server.api.resources.registries import RegistryBody, RegistryView, TestView
from hullmark.server.console.forms import Fields, fields_of
from hullmark.server.console.pages.admin import show
from hullmark.server.console.views import rights
from hullmark.server.console.visit import Visit

_DONE = {"kept": "The login is kept.", "forgotten": "The login is forgotten."}
_KINDS = [("docker_v2", "Any registry (Docker's or OCI's interface)"), ("awsecr", "Amazon ECR, by an access key")]


@get("/{account:str}/admin/registries", opt=rights("registries:read"))
async def registries_page(visit: NamedDependency[Visit]) -> Response[Any]:
    """The account's logins."""
    return await _registries(visit)


@post("/{account:str}/admin/registries", opt=rights("registries:write"))
async def keep_registry(visit: NamedDependency[Visit]) -> Response[Any]:
    """A new login, or another one for the same place."""
    given = await fields_of(visit.request)
    wanted = {
        "username": given.word("username"),
        "password": given.text("password", 20_000),
        "kind": given.word("kind"),
        "verify": not given.is_set("unverified"),
        "parallel": given.word("parallel") or None,
    }
    wrong = await visit.attempt(registries.put_registry, (RegistryBody, wanted), pattern=given.word("pattern"))
    return await _registries(visit, wrong, given) if wrong else visit.back("admin/registries", "kept")


@post("/{account:str}/admin/registries/try", opt=rights("registries:write"))
async def try_registry(visit: NamedDependency[Visit]) -> Response[Any]:
    """Whether a registry lets us in."""
    pattern = (await fields_of(visit.request)).word("pattern")
    tried: TestView = await visit.do(registries.test_registry, pattern=pattern)
    return await _registries(visit, pattern=pattern, tried=tried)


@post("/{account:str}/admin/registries/forget", opt=rights("registries:write"))
async def forget_registry(visit: NamedDependency[Visit]) -> Response[Any]:
    """The end of a login."""
    await visit.do(registries.forget_registry, pattern=(await fields_of(visit.request)).word("pattern"))
    return visit.back("admin/registries", "forgotten")


async def _registries(
    visit: Visit,
    wrong: Refusal | None = None,
    given: Fields | None = None,
    pattern: str = "",
    tried: TestView | None = None,
) -> Response[Any]:
    logins: list[RegistryView] = await visit.do(registries.list_registries)
    values: dict[str, Any] = {
        "logins": logins,
        "kinds": _KINDS,
        "tried": (pattern, tried) if tried is not None else None,
    }
    return show(visit, "registries", wrong=wrong, given=given, done=_DONE, **values)


ROUTES = [registries_page, keep_registry, try_registry, forget_registry]
