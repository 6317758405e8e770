"""The server does what its OpenAPI says, for every operation, with what is right and what is wrong.

HULLMARK_SCHEMA_EXAMPLES=N tries N requests of each kind for each operation instead of a few, and other ones each time.
"""

from __future__ import annotations

import os
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest
import requests
import schemathesis
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st
from litestar import Litestar
from schemathesis import GenerationMode
from schemathesis.checks import CHECKS, load_all_checks
from schemathesis.config import SchemathesisConfig

from hullmark.app.server.services import services_for
from hullmark.app.server.settings import Settings
from hullmark.service.api.app import create_app
from hullmark.service.api.contract import contract_of, operations
from tests.support.database import database_server, fresh_database
from tests.support.desk import Desk
from tests.support.furnished import Furnished, advised, furnish
from tests.support.standing import Standing, standing

__all__ = ["database_server"]

LONG = int(os.environ.get("HULLMARK_SCHEMA_EXAMPLES", "0"))
EXAMPLES = LONG or 4
ENDLESS = "/api/v1/events/stream"
"""Its answers do not end: tests/service/test_requests.py listens to it."""


def _application() -> Litestar:
    return create_app(services_for(Settings(data=Path("/nonexistent"), database_url="postgresql://nowhere/x"), {}))


APPLICATION = _application()
CONTRACT = contract_of(APPLICATION)
METHODS = ("get", "post", "put", "patch", "delete")
"""In this order, so that what is asked about is still there."""

FAULT = b"fault of the server"


def _cases() -> Iterator[tuple[str, GenerationMode]]:
    for method in METHODS:
        for path in CONTRACT["paths"]:
            told = CONTRACT["paths"][path].get(method)
            if told is None or path == ENDLESS:
                continue
            yield f"{method.upper()} {path}", GenerationMode.POSITIVE
            if "requestBody" in told or [
                each for each in told["parameters"] if "IfNoneMatch" not in each.get("$ref", "")
            ]:
                yield f"{method.upper()} {path}", GenerationMode.NEGATIVE


CASES = list(_cases())
load_all_checks()
CHECKED = CHECKS.get_by_names(
    [
        "status_code_conformance",
        "content_type_conformance",
        "response_headers_conformance",
        "response_schema_conformance",
        "allow_header_conformance",
    ]
)


@schemathesis.serializer("application/x-tar", "application/octet-stream", "text/plain", "application/xml")
def _as_bytes(_: Any, value: Any) -> Any:
    return {"data": value if isinstance(value, bytes) else str(value).encode("utf-8", "replace")}


EXAMINED = settings(
    max_examples=EXAMPLES,
    deadline=None,
    database=None,
    derandomize=not LONG,
    print_blob=False,
    suppress_health_check=list(HealthCheck),
)


class World:
    """A server with two accounts that have something of everything, and a session that is the operator's."""

    def __init__(self, server: Standing, ours: Furnished, key: str) -> None:
        self.server = server
        self.ours = ours
        self.session = requests.Session()
        self.session.headers["authorization"] = f"Bearer {key}"
        config = SchemathesisConfig()
        config.projects.default.update(base_url=server.url)
        self.schema = schemathesis.openapi.from_dict(CONTRACT, config=config)

    def operation(self, name: str) -> Any:
        """What is to be asked for, by method and path."""
        method, _, path = name.partition(" ")
        return self.schema[path][method]

    def furnished(self, case: Any, *, own: bool) -> Any:
        """The request about something that there is, where `own` and it is about something."""
        if own and case.path_parameters:
            known = self.ours
            for name in case.path_parameters:
                marked = f"{{{name}}}"
                prefix, _, rest = case.path.partition(marked)
                found = known.path(prefix + marked)
                case.path_parameters[name] = found.removeprefix(known.path(prefix)) if rest is not None else found
        return case


@pytest.fixture(scope="module")
def world(database_server: str, tmp_path_factory: pytest.TempPathFactory) -> Iterator[World]:
    made: list[Any] = []

    async def fill(at: Desk) -> None:
        await advised(at)
        made.append(await furnish(at, "ours", "ourmark"))
        await furnish(at, "theirs", "theirmark")
        wish = {"name": "operator", "role": "admin", "person": "admin", "scopes": _everything()}
        made.append((await at.post("/keys", wish, "admin"))["key"])

    folder = tmp_path_factory.mktemp("schema")
    with standing(fresh_database(database_server), folder, fill, scan_seconds=20.0, body_wait=5.0) as server:
        yield World(server, made[0], made[1])


def _everything() -> list[str]:
    from hullmark.service.api.permissions import PERMISSIONS

    return sorted(PERMISSIONS)


def test_the_description_is_one_and_complete(world: World) -> None:
    world.schema.validate()
    served = requests.get(f"{world.server.url}/api/v1/openapi/openapi.json", timeout=30)
    assert served.json() == CONTRACT
    assert CONTRACT["openapi"].startswith("3.1")
    told = {(each.path, each.method.lower()): each for each in operations(APPLICATION)}
    assert {(path, method) for path, item in CONTRACT["paths"].items() for method in item} == set(told)
    names = [item["operationId"] for each in CONTRACT["paths"].values() for item in each.values()]
    assert len(set(names)) == len(names)
    for (path, method), each in told.items():
        item = CONTRACT["paths"][path][method]
        assert item["tags"], path
        assert len(item["tags"]) == 1, path
        assert item["description"], (method, path)
        assert (item.get("security") == []) == (each.handler.opt.get("public") is True), path
        assert "400" in item["responses"], path
        assert "." not in item["operationId"], path
    assert not [name for name in CONTRACT["components"]["schemas"] if "hullmark" in name or "_" in name]


@pytest.mark.parametrize(("name", "mode"), CASES, ids=[f"{name} {mode.value}" for name, mode in CASES])
def test_every_answer_is_as_described(world: World, name: str, mode: GenerationMode) -> None:
    operation = world.operation(name)

    @EXAMINED
    @given(operation.as_strategy(generation_mode=mode), st.booleans())
    def asked(case: Any, own: bool) -> None:
        if mode is GenerationMode.POSITIVE:
            case = world.furnished(case, own=own)
        headers = {"X-Hullmark-Account": "ours"} if own else {}
        answer = case.call(session=world.session, headers=headers, timeout=60)
        assert FAULT not in answer.content, case.as_curl_command()
        case.validate_response(answer, checks=CHECKED)

    asked()
