"""CI jobs log in without a key: tokens of two issuers are exchanged, and whatever does not fit is refused."""

from __future__ import annotations

import base64
import json
import time
from collections.abc import AsyncIterator, Callable, Iterator
from typing import Any

import jwt
import pytest
from cryptography.hazmat.primitives.asymmetric import rsa
from hypothesis import given
from hypothesis import strategies as st

from hullmark.server.stories.identity.federation import fits
from tests.service import test_accounts
from tests.service.test_accounts import ANNA, BERT, World
from tests.unit.server.test_identity import FakeProvider, shared_secret

pytestmark = pytest.mark.anyio

open_world = test_accounts.open_world
AUDIENCE = "https://hullmark.example.com"
MAIN = "repo:acme/shop:ref:refs/heads/main"


@pytest.fixture
def issuers() -> Iterator[tuple[FakeProvider, FakeProvider]]:
    github, gitlab = FakeProvider(), FakeProvider()
    github.add("g1", "RS256")
    gitlab.add("l1", "ES256")
    yield github, gitlab
    github.close()
    gitlab.close()


@pytest.fixture
async def world(open_world: Callable[..., Any], issuers: tuple[FakeProvider, FakeProvider]) -> AsyncIterator[World]:
    """Two accounts; the first trusts a branch of a repository at one issuer, and a project at another."""
    async with open_world(allow_addresses="127.0.0.0/8") as world:
        await world.team("team-a", ANNA)
        await world.team("team-b", BERT)
        github, gitlab = issuers
        for document in (
            {
                "name": "shop-main",
                "issuer": github.issuer,
                "conditions": {"repository": "acme/shop", "ref": "refs/heads/main", "sub": "repo:acme/shop:*"},
            },
            {
                "name": "crew",
                "issuer": gitlab.issuer,
                "conditions": {"project_path": "crew/*", "ref_protected": "true"},
                "role": "viewer",
            },
        ):
            answer = await world.ask(ANNA, "POST", "/federated-credentials", {"audience": AUDIENCE, **document})
            assert answer.status_code == 201, answer.text
        yield world


def github_token(github: FakeProvider, **changes: Any) -> str:
    claims = {"aud": AUDIENCE, "sub": MAIN, "repository": "acme/shop", "ref": "refs/heads/main"}
    return github.sign("g1", "RS256", **(claims | changes))


async def exchange(world: World, token: str, account: str = "team-a") -> Any:
    return await world.ask(None, "POST", "/tokens/exchange", {"subject_token": token, "account": account})


async def test_tokens_of_two_issuers_become_tokens_of_ours(
    world: World, issuers: tuple[FakeProvider, FakeProvider]
) -> None:
    github, gitlab = issuers
    answer = await exchange(world, github_token(github))
    assert answer.status_code == 200, answer.text
    assert (answer.json()["token_type"], answer.json()["expires_in"]) == ("Bearer", 900)
    assert answer.headers["cache-control"] == "no-store"
    me = (await world.ask(answer.json()["access_token"], "GET", "/whoami")).json()
    assert (me["name"], me["account"], me["role"]) == (f"federated:shop-main:{MAIN}", "team-a", "ci")
    token = gitlab.sign(
        "l1", "ES256", aud=AUDIENCE, sub="project_path:crew/x", project_path="crew/x", ref_protected="true"
    )
    own = (await exchange(world, token)).json()["access_token"]
    assert (await world.ask(own, "GET", "/whoami")).json()["role"] == "viewer"
    assert (await world.ask(own, "POST", "/keys", {"name": "k", "role": "viewer"})).status_code == 403
    assert len([path for path in github.asked if path == "/keys"]) == 1  # the keys are kept


REFUSED: dict[str, Callable[[FakeProvider], str]] = {
    "audience": lambda github: github_token(github, aud="https://other.example.com"),
    "no audience": lambda github: github_token(github, aud=None),
    "subject": lambda github: github_token(github, sub="repo:evil/shop:ref:refs/heads/main"),
    "subject that begins alike": lambda github: github_token(github, sub="repo:acme/shop-evil:ref:refs/heads/main"),
    "repository": lambda github: github_token(github, repository="evil/shop"),
    "repository in other letters": lambda github: github_token(github, repository="Acme/shop"),
    "branch": lambda github: github_token(github, ref="refs/heads/main2"),
    "branch left out": lambda github: github_token(github, ref=None),
    "branch as a list": lambda github: github_token(github, ref=["refs/heads/main"]),
    "expired": lambda github: github_token(github, exp=time.time() - 120),
    "not yet": lambda github: github_token(github, nbf=time.time() + 600),
    "no end": lambda github: github_token(github, exp=None),
    "unknown issuer": lambda github: github_token(github, iss="https://token.actions.example.com"),
    "issuer with a slash": lambda github: github_token(github, iss=github.issuer + "/"),
    "not a token": lambda _: "a.b.c",
    "alg none": lambda github: jwt.encode(_claims(github), "", "none", {"kid": "g1"}),
    "the public key as a secret": lambda github: shared_secret(
        _claims(github), json.dumps(github.published[0]).encode(), "g1"
    ),
    "another key": lambda github: jwt.encode(
        _claims(github), rsa.generate_private_key(65537, 2048), "RS256", {"kid": "g1"}
    ),
    "changed claims": lambda github: _changed(github_token(github, ref="refs/heads/evil")),
}


def _claims(github: FakeProvider) -> dict[str, Any]:
    return {
        "iss": github.issuer,
        "aud": AUDIENCE,
        "sub": MAIN,
        "repository": "acme/shop",
        "ref": "refs/heads/main",
        "exp": int(time.time()) + 60,
    }


def _changed(token: str) -> str:
    head, body, signature = token.split(".")
    claims = json.loads(base64.urlsafe_b64decode(body + "=="))
    raw = json.dumps({**claims, "ref": "refs/heads/main"}).encode()
    return f"{head}.{base64.urlsafe_b64encode(raw).rstrip(b'=').decode()}.{signature}"


@pytest.mark.parametrize("what", REFUSED)
async def test_what_does_not_fit_is_refused(
    what: str, world: World, issuers: tuple[FakeProvider, FakeProvider]
) -> None:
    answer = await exchange(world, REFUSED[what](issuers[0]))
    assert answer.status_code == 401, answer.text


async def test_another_account_trusts_nobody(world: World, issuers: tuple[FakeProvider, FakeProvider]) -> None:
    assert (await exchange(world, github_token(issuers[0]), "team-b")).status_code == 401
    assert (await exchange(world, github_token(issuers[0]), "no-such")).status_code == 401


async def test_a_token_ends_with_its_credential(world: World, issuers: tuple[FakeProvider, FakeProvider]) -> None:
    own = (await exchange(world, github_token(issuers[0]))).json()["access_token"]
    assert (await world.ask(own, "GET", "/images")).status_code == 200
    listed = (await world.ask(ANNA, "GET", "/federated-credentials")).json()["items"]
    assert [each["name"] for each in listed] == ["crew", "shop-main"]
    assert listed[1]["last_used_at"] is not None
    assert (await world.ask(BERT, "DELETE", "/federated-credentials/shop-main")).status_code == 404
    assert (await world.ask(ANNA, "DELETE", "/federated-credentials/shop-main")).status_code == 204
    assert (await world.ask(own, "GET", "/images")).status_code == 401
    document = {
        "name": "shop-main",
        "issuer": issuers[0].issuer,
        "audience": AUDIENCE,
        "conditions": {"sub": "repo:acme/*"},
    }
    assert (await world.ask(ANNA, "POST", "/federated-credentials", document)).status_code == 201
    assert (await world.ask(own, "GET", "/images")).status_code == 401


async def test_a_token_expires(world: World, issuers: tuple[FakeProvider, FakeProvider]) -> None:
    own = (await exchange(world, github_token(issuers[0]))).json()["access_token"]
    world.later(901)
    assert (await world.ask(own, "GET", "/images")).status_code == 401


@pytest.mark.parametrize(
    ("changes", "status"),
    [
        ({"conditions": {}}, 400),
        ({"conditions": {"sub": "*"}}, 422),
        ({"issuer": "http://issuer.example.com"}, 422),
        ({"issuer": "issuer.example.com"}, 422),
        ({"role": "captain"}, 400),
        ({"name": "crew"}, 409),
    ],
    ids=str,
)
async def test_credentials_that_trust_too_much_are_refused(changes: dict[str, Any], status: int, world: World) -> None:
    document = {
        "name": "x",
        "issuer": "https://issuer.test",
        "audience": "h",
        "conditions": {"sub": "repo:x:*"},
        **changes,
    }
    assert (await world.ask(ANNA, "POST", "/federated-credentials", document)).status_code == status


_LETTERS = st.text("ab/*", max_size=8)


@given(claim=st.text("ab/", max_size=12), pattern=_LETTERS)
def test_a_star_stands_for_anything(claim: str, pattern: str) -> None:
    def reach(text: str, rest: str) -> bool:
        if not rest:
            return not text
        if rest[0] == "*":
            return any(reach(text[i:], rest[1:]) for i in range(len(text) + 1))
        return text[:1] == rest[0] and reach(text[1:], rest[1:])

    assert fits({"c": claim}, {"c": pattern}) == reach(claim, pattern)


def test_without_conditions_nothing_fits() -> None:
    assert not fits({"sub": "x"}, {})
    assert fits({"n": 7, "b": True}, {"n": "7", "b": "true"})
