"""Who belongs to the account, and in which role."""

from __future__ import annotations

from typing import Any, get_args

from litestar import Response, get, post
from litestar.di import NamedDependency
from litestar.params import FromPath

from hullmark.server.api.permissions import ROLES
from hullmark.server.api.problems import Refusal
from hullmark.server.api.resources import persons
from hullmark.server.api.resources.persons import PersonBody, PersonPatch, PersonView
from hullmark.server.console.forms import Fields, fields_of
from hullmark.server.console.listing import Column, export, wants_export
from hullmark.server.console.pages.admin import show
from hullmark.server.console.views import rights, segment
from hullmark.server.console.visit import Visit
from hullmark.server.tables.identity.accounts import PersonState

_COLUMNS: tuple[Column[PersonView], ...] = (
    Column("name", "Name", lambda row: row.name),
    Column("role", "Role", lambda row: row.role),
    Column("state", "State", lambda row: row.state),
    Column("operator", "Operator", lambda row: row.is_operator),
    Column("subject", "Signs in", lambda row: row.subject or "password"),
    Column("since", "Since", lambda row: row.created_at, "time"),
)
_DONE = {
    "added": "The person belongs to the account now.",
    "changed": "It is changed.",
    "removed": "The person is removed.",
}


@get("/{account:str}/admin/people", opt=rights("accounts:read"))
async def people_page(visit: NamedDependency[Visit]) -> Response[Any]:
    """The account's people."""
    return await _people(visit)


@post("/{account:str}/admin/people", opt=rights("accounts:write"))
async def add_person(visit: NamedDependency[Visit]) -> Response[Any]:
    """Somebody new, or for operators somebody that there is."""
    given = await fields_of(visit.request)
    wanted = {
        "name": given.word("name"),
        "role": given.word("role"),
        "password": given.text("password"),
        "subject": given.word("subject"),
        "is_operator": given.is_set("is_operator"),
    }
    wrong = await visit.attempt(persons.add_person, (PersonBody, wanted), name=visit.caller.account)
    return await _people(visit, wrong, given) if wrong else visit.back("admin/people", "added")


@get("/{account:str}/admin/people/{person:str}", opt=rights("accounts:read"))
async def person_page(visit: NamedDependency[Visit], person: FromPath[str]) -> Response[Any]:
    """One of them."""
    return await _person(visit, person)


@post("/{account:str}/admin/people/{person:str}", opt=rights("accounts:write"))
async def change_person(visit: NamedDependency[Visit], person: FromPath[str]) -> Response[Any]:
    """Another role, state or password."""
    given = await fields_of(visit.request)
    wanted = {
        "role": given.word("role") or None,
        "state": given.word("state") or None,
        "password": given.text("password") or None,
        "is_operator": given.is_set("is_operator") if visit.caller.is_operator else None,
    }
    wrong = await visit.attempt(persons.change_person, (PersonPatch, wanted), name=visit.caller.account, person=person)
    return await _person(visit, person, wrong, given) if wrong else visit.back(_path(person), "changed")


@post("/{account:str}/admin/people/{person:str}/remove", opt=rights("accounts:write"))
async def remove_person(visit: NamedDependency[Visit], person: FromPath[str]) -> Response[Any]:
    """From the account; its keys there end."""
    await visit.do(persons.remove_person, name=visit.caller.account, person=person)
    return visit.back("admin/people", "removed")


async def _people(visit: Visit, wrong: Refusal | None = None, given: Fields | None = None) -> Response[Any]:
    listing = visit.listing("people", _COLUMNS, persons.list_persons, name=visit.caller.account)
    if wants_export(visit.request, listing.name):
        return export(visit.request, listing)
    people = await listing.shown(visit.request)
    return show(visit, "people", wrong=wrong, given=given, done=_DONE, people=people, roles=_roles())


async def _person(
    visit: Visit, person: str, wrong: Refusal | None = None, given: Fields | None = None
) -> Response[Any]:
    shown = await persons.person_shown(visit.services, visit.caller, person)
    states = [(word, word) for word in get_args(PersonState)]
    values: dict[str, Any] = {"template": "person", "person": shown, "roles": _roles(), "states": states}
    return show(visit, "people", wrong=wrong, given=given, done=_DONE, **values)


def _roles() -> list[tuple[str, str]]:
    return [(role, role) for role in ROLES]


def _path(person: str) -> str:
    return f"admin/people/{segment(person)}"


ROUTES = [people_page, add_person, person_page, change_person, remove_person]
