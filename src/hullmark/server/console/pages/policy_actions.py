"""What is done in the policy workbench: checking, keeping, testing, trying, putting in force."""

from __future__ import annotations

import asyncio
from pathlib import Path
from tempfile import TemporaryDirectory
from typing import Any
from urllib.parse import quote

import msgspec
from litestar import Request, Response, post
from litestar.di import NamedDependency
from litestar.params import FromPath

from hullmark.app.trials import Trial
from hullmark.model.errors import HullmarkError
from hullmark.policy.decode import Mistake
from hullmark.policy.native import InvalidPolicy
from hullmark.server.api.caller import Caller
from hullmark.server.api.problems import Refusal, problem
from hullmark.server.api.resources.policies import (
    ActivationBody,
    PolicyBody,
    keep,
    put_in_force,
    take_out_of_force,
)
from hullmark.server.api.resources.scan import slots_of
from hullmark.server.console.forms import Fields, fields_of
from hullmark.server.console.pages.policy import mistakes_in, view_of
from hullmark.server.console.views import HEADERS, redirect, render, rights
from hullmark.server.isolated import run_isolated
from hullmark.server.stories.identity.account_address import account_base
from hullmark.server.stories.judging.policy_tests import PolicyTestOrder
from hullmark.server.stories.services import Services
from hullmark.server.tables import audit
from hullmark.server.tables.audit import RequestOrigin
from hullmark.server.tables.judging.policy_tests import keep_tests

_WRITE = rights("policies:write")
_MOST_TEXT = 2 << 20
_MOST_NOTE = 4000


class _Mistakes(msgspec.Struct):
    mistakes: tuple[Mistake, ...]


def policy_address(caller: Caller, name: str, tab: str, **more: object) -> str:
    """The address of a tab of a policy's page."""
    query = "".join(f"&{key}={quote(str(value), safe='')}" for key, value in more.items())
    return f"{account_base(caller.account)}/policies/{quote(name, safe='')}?tab={tab}{query}"


@post("/{account:str}/policy-check", status_code=200, opt=_WRITE)
async def check_policy(
    request: Request[Any, Any, Any], services: NamedDependency[Services], caller: NamedDependency[Caller]
) -> Response[Any]:
    """The mistakes of a text: as JSON for the editor, else the page with them."""
    fields = await fields_of(request)
    text = fields.text("text", _MOST_TEXT)
    mistakes = await asyncio.to_thread(mistakes_in, text)
    if request.headers.get("accept", "").startswith("application/json"):
        content = msgspec.json.encode(_Mistakes(mistakes))
        return Response(content, media_type="application/json", headers=dict(HEADERS))
    return await _render_editor(request, services, caller, fields, mistakes)


@post("/{account:str}/policies", status_code=303, opt=_WRITE)
async def keep_policy(
    request: Request[Any, Any, Any],
    services: NamedDependency[Services],
    caller: NamedDependency[Caller],
    origin: NamedDependency[RequestOrigin],
) -> Response[Any]:
    """Keep the text as the next version of its policy; one with mistakes comes back with them."""
    fields = await fields_of(request)
    body = PolicyBody(
        text=fields.text("text", _MOST_TEXT),
        name=fields.word("policy", 200),
        note=fields.word("note", _MOST_NOTE),
        draft=fields.is_set("draft"),
    )
    try:
        version, _ = await keep(services, caller, origin, body)
    except InvalidPolicy as error:
        return await _render_editor(request, services, caller, fields, error.mistakes, 422)
    except (HullmarkError, Refusal) as error:
        return await _render_editor(request, services, caller, fields, (Mistake(0, "", str(error)),), 422)
    return redirect(policy_address(caller, version.name, "edit", kept=version.version))


async def _render_editor(
    request: Request[Any, Any, Any],
    services: Services,
    caller: Caller,
    fields: Fields,
    mistakes: tuple[Mistake, ...],
    status: int = 200,
) -> Response[Any]:
    """The page with the text as it was sent: nothing is lost."""
    text, note, name = fields.text("text", _MOST_TEXT), fields.word("note", _MOST_NOTE), fields.word("policy", 200)
    if not name:
        return render(
            request, "pages/new_policy.html", status=status, text=text, note=note, mistakes=mistakes, checked=True
        )
    view = await view_of(services, caller, name, "edit")
    view.text, view.note, view.mistakes = text, note, mistakes
    return render(request, "pages/policy.html", status=status, view=view, checked=True)


@post("/{account:str}/policies/{name:str}/tests", status_code=200, opt=_WRITE)
async def test_policy(
    request: Request[Any, Any, Any],
    services: NamedDependency[Services],
    caller: NamedDependency[Caller],
    origin: NamedDependency[RequestOrigin],
    name: FromPath[str],
) -> Response[Any]:
    """Keep the test cases, or run them on the newest version, as the button says."""
    fields = await fields_of(request)
    text = fields.text("tests", _MOST_TEXT)
    if fields.text("choice") == "keep":
        async with services.database.tenant(caller.account_id) as connection:
            if await keep_tests(connection, caller.account_id, name, text):
                after = {"characters": len(text)}
                await audit.record(connection, caller, "policy.tests", "policy", name, None, after, origin)
        return redirect(policy_address(caller, name, "tests", kept="tests"))
    view = await view_of(services, caller, name, "tests")
    view.tests = text
    order = PolicyTestOrder(policy=view.version.text, cases=text)
    status = 200
    try:
        with (
            slots_of(request.app, services).taken(caller.account_id),
            TemporaryDirectory(prefix="hullmark-tests-") as folder,
        ):
            view.result = msgspec.json.decode(
                await run_isolated(services, "policy-tests", order, Path(folder)), type=Trial
            )
    except HullmarkError as error:
        view.failure, status = _sentence(error), 422
    return render(request, "pages/policy.html", status=status, view=view)


@post("/{account:str}/policies/{name:str}/force", status_code=303, opt=_WRITE)
async def activate_policy(
    request: Request[Any, Any, Any],
    services: NamedDependency[Services],
    caller: NamedDependency[Caller],
    origin: NamedDependency[RequestOrigin],
    name: FromPath[str],
) -> Response[Any]:
    """Put a version in force, or in shadow."""
    fields = await fields_of(request)
    number = fields.word("version", 10)
    if not number.isdecimal() or not 0 < int(number) <= 2_000_000_000:
        raise problem(422, f"{number!r} is not a version", "choose one of the list")
    body = ActivationBody(
        policy=name,
        version=int(number),
        environment=fields.word("environment", 200),
        selector=fields.word("selector", 1000) or "*",
        shadow=fields.text("stage") == "shadow",
    )
    try:
        await put_in_force(services, caller, origin, body)
    except Refusal as error:
        view = await view_of(services, caller, name, "force")
        view.failure = f"{error.detail}: {error.advice}" if error.advice else error.detail
        return render(request, "pages/policy.html", status=error.status, view=view)
    return redirect(policy_address(caller, name, "force"))


@post("/{account:str}/activations/{number:int}/end", status_code=303, opt=_WRITE)
async def end_activation(
    request: Request[Any, Any, Any],
    services: NamedDependency[Services],
    caller: NamedDependency[Caller],
    origin: NamedDependency[RequestOrigin],
    number: FromPath[int],
) -> Response[Any]:
    """Take a version out of force."""
    fields = await fields_of(request)
    await take_out_of_force(services, caller, origin, number)
    name = fields.word("policy", 200)
    if not name:
        return redirect(f"{account_base(caller.account)}/policies")
    return redirect(policy_address(caller, name, "force"))


def _sentence(error: HullmarkError) -> str:
    return f"{error}; {error.advice}" if error.advice else str(error)


ROUTES = [check_policy, keep_policy, test_policy, activate_policy, end_activation]
