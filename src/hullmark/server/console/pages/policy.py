"""The policy workbench: one policy, edited, tested, tried on all images, put in force, and compared with what it said before."""

from __future__ import annotations

import asyncio
import difflib
from typing import Annotated, Any

import msgspec
from litestar import Request, Response, get
from litestar.di import NamedDependency
from litestar.params import FromPath, FromQuery, QueryParameter

from hullmark.app.trials import Trial
from hullmark.model.errors import HullmarkError
from hullmark.model.limit import Limit
from hullmark.policy.decode import Mistake
from hullmark.policy.describe import policy_schema
from hullmark.policy.languages import language_of
from hullmark.policy.load import load_any
from hullmark.policy.native import InvalidPolicy
from hullmark.policy.rules import Policy
from hullmark.policy.starting_point import cases_to_begin_with
from hullmark.policy.version_changes import VersionChanges, changes_between
from hullmark.server.api.caller import Caller
from hullmark.server.api.paging import Page, page, values_in
from hullmark.server.api.resources.policies import version_named
from hullmark.server.console.listing import Column, Listing, ShownPage, export, wants_export
from hullmark.server.console.views import HEADERS, render, rights
from hullmark.server.stories.services import Services
from hullmark.server.tables.judging import policies, simulations
from hullmark.server.tables.judging.policies import Activation, PolicyVersion
from hullmark.server.tables.judging.policy_tests import tests_of
from hullmark.server.tables.judging.simulations import RuleHits, SimulationRow

QueryNumber = Annotated[int | None, QueryParameter(ge=1, le=2_000_000_000)]
TABS = ("edit", "tests", "trials", "force", "history")
_READ = rights("policies:read")
_MOST_LINES = Limit(5000, "lines of a policy that are compared line by line on a page", "shortened")
_TRIALS = 20

_VERSIONS: tuple[Column[PolicyVersion], ...] = (
    Column("version", "Version", lambda row: row.version, "number"),
    Column("note", "Note", lambda row: row.note),
    Column("draft", "State", lambda row: "draft" if row.is_draft else ""),
    Column("by", "By", lambda row: row.created_by),
    Column("at", "Kept", lambda row: row.created_at, "time"),
    Column("digest", "Digest", lambda row: row.digest, "code"),
)


class RuleLine(msgspec.Struct, frozen=True, kw_only=True):
    """A rule of the policy, and how often it fired in the last trial that ended (None: there is none)."""

    rule: str
    trigger: str
    action: str
    stage: str
    message: str
    hits: RuleHits | None


class Comparison(msgspec.Struct, frozen=True, kw_only=True):
    """Two versions beside each other: `rules` where both are native, `lines` as (sign, text), where they are not too long."""

    before: int
    after: int
    rules: VersionChanges | None
    lines: tuple[tuple[str, str], ...] | None


class PolicyView(msgspec.Struct, kw_only=True):
    """What all tabs show: the version that is looked at, the newest one's number, and where versions are in force."""

    version: PolicyVersion
    newest: int
    in_force: list[Activation]
    tab: str
    text: str
    note: str = ""
    mistakes: tuple[Mistake, ...] = ()
    rules: tuple[RuleLine, ...] = ()
    trial: SimulationRow | None = None
    trials: list[SimulationRow] = []
    tests: str = ""
    result: Trial | None = None
    failure: str = ""
    versions: ShownPage[PolicyVersion] | None = None
    comparison: Comparison | None = None


@get("/{account:str}/policies/{name:str}", opt=_READ)
async def policy_page(
    request: Request[Any, Any, Any],
    services: NamedDependency[Services],
    caller: NamedDependency[Caller],
    name: FromPath[str],
    tab: FromQuery[str] = "edit",
    version: QueryNumber = None,
) -> Response[Any]:
    """A policy: its newest version, or another."""
    versions = _versions(services, caller, name)
    if wants_export(request, versions.name):
        return export(request, versions)
    view = await view_of(services, caller, name, tab if tab in TABS else TABS[0], version)
    if view.tab == "history":
        view.versions = await versions.shown(request)
        view.comparison = await _compare_versions(services, caller, request, name)
    return render(request, "pages/policy.html", view=view)


async def view_of(services: Services, caller: Caller, name: str, tab: str, number: int | None = None) -> PolicyView:
    """What a tab of a policy's page shows. Raises Refusal 404."""
    version = await version_named(services, caller, name, number)
    async with services.database.tenant(caller.account_id) as connection:
        newest = await policies.version_of(connection, caller.account_id, name)
        in_force = [row for row in await policies.activations(connection, caller.account_id) if row.name == name]
        last = await simulations.last_of_policy(connection, caller.account_id, version.policy_id, version.text, _TRIALS)
        done = next((row for row in last if row.state == "done" and row.draft == version.text), None)
        hits = await simulations.hits_of(connection, done.id) if done is not None else None
        tests = await tests_of(connection, caller.account_id, name) if tab == "tests" else ""
    view = PolicyView(
        version=version,
        newest=newest.version if newest is not None else version.version,
        in_force=in_force,
        tab=tab,
        text=version.text,
        trial=done,
        trials=last,
        tests=tests,
    )
    if tab == "tests" and not tests:
        view.tests = await asyncio.to_thread(_first_cases, version.text)
    if tab == "edit":
        view.rules = await asyncio.to_thread(_rule_lines, version.text, hits)
    return view


def native_of(text: str) -> Policy | None:
    """The native policy that a text is; None for one of another language, or for none."""
    try:
        policy = load_any(text.encode("utf-8", "surrogatepass"))
    except HullmarkError:
        return None
    return language_of(policy).as_native(policy)


def _first_cases(text: str) -> str:
    policy = native_of(text)
    return cases_to_begin_with(rule.id for rule in policy.rules) if policy is not None else ""


def mistakes_in(text: str) -> tuple[Mistake, ...]:
    """Every mistake of a policy's text, by line."""
    try:
        policy = load_any(text.encode("utf-8", "surrogatepass"))
    except InvalidPolicy as error:
        return error.mistakes
    except HullmarkError as error:
        return (Mistake(_line_in(str(error)), "", str(error)),)
    return tuple(language_of(policy).mistakes(policy))


def _line_in(words: str) -> int:
    """The line that an error about YAML names; 0 if it names none."""
    number = words.partition(" line ")[2].partition(":")[0].split(" ")[0]
    return int(number) if number.isdecimal() else 0


def _rule_lines(text: str, hits: list[RuleHits] | None) -> tuple[RuleLine, ...]:
    policy = native_of(text)
    if policy is None:
        return ()
    counted = {hit.rule: hit for hit in hits or ()}
    stages = {rule_set.name: rule_set.stage.value for rule_set in policy.rule_sets}
    none = RuleHits(rule="", before=0, after=0, findings=0)
    return tuple(
        RuleLine(
            rule=rule.id,
            trigger=rule.trigger.full_name,
            action=rule.action.value,
            stage=stages.get(rule.rule_set, "enforce"),
            message=rule.message,
            hits=None if hits is None else counted.get(rule.id, none),
        )
        for rule in policy.rules
    )


def _versions(services: Services, caller: Caller, name: str) -> Listing[PolicyVersion]:
    async def fetch(cursor: str, limit: int) -> Page[PolicyVersion]:
        before = values_in(cursor, int)
        async with services.database.tenant(caller.account_id) as connection:
            rows = await policies.versions_of(connection, caller.account_id, name, before, limit + 1)
        return page(rows, limit, lambda row: row.version)

    return Listing(name="versions", columns=_VERSIONS, fetch=fetch)


async def _compare_versions(
    services: Services, caller: Caller, request: Request[Any, Any, Any], name: str
) -> Comparison | None:
    """The two versions that the query names as `from` and `to`; None where it names none."""
    numbers = [request.query_params.get(key, "") for key in ("from", "to")]
    if not all(number.isdecimal() and 0 < int(number) < 1 << 31 for number in numbers):
        return None
    before, after = [await version_named(services, caller, name, int(number)) for number in numbers]
    return await asyncio.to_thread(_comparison, before, after)


def _comparison(before: PolicyVersion, after: PolicyVersion) -> Comparison:
    older, newer = native_of(before.text), native_of(after.text)
    return Comparison(
        before=before.version,
        after=after.version,
        rules=changes_between(older, newer) if older is not None and newer is not None else None,
        lines=_lines(before.text.splitlines(), after.text.splitlines()),
    )


def _lines(before: list[str], after: list[str]) -> tuple[tuple[str, str], ...] | None:
    if max(len(before), len(after)) > _MOST_LINES:
        return None
    found = list(difflib.unified_diff(before, after, lineterm="", n=3))[2:]
    return tuple((line[:1] if line[:1] in "+-@" else " ", line if line[:1] == "@" else line[1:]) for line in found)


@get("/{account:str}/policy-schema", opt=_READ)
async def schema() -> Response[bytes]:
    """The JSON schema of policies, for the editor."""
    content = await asyncio.to_thread(lambda: msgspec.json.encode(policy_schema()))
    headers = {**HEADERS, "Cache-Control": "private, max-age=3600"}
    return Response(content, media_type="application/schema+json", headers=headers)


ROUTES = [policy_page, schema]
