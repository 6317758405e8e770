"""Hooks: what registries send is read as their manuals say, and nothing that anybody sends does more than be refused."""

from __future__ import annotations

import base64
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from hullmark.model.errors import HullmarkError
from hullmark.model.reference import parse_reference
from hullmark.source.hooks import HOOKS
from hullmark.source.hooks.hook import MOST_NAMED, Delivery, NamedTag, usable
from tests.support import hooks as sent
from tests.support.hooks import DIGEST

SECRET = "correct-horse"  # noqa: S105
GITHUB = {"x-github-event": "registry_package"}
ECR = "123456789012.dkr.ecr.us-west-2.amazonaws.com"
EXAMPLES: list[tuple[str, sent.Json, dict[str, str], str]] = [
    ("dockerhub", sent.dockerhub("octo/shop", "1.0"), {}, "docker.io"),
    ("harbor", sent.harbor("octo/shop", "1.0"), {}, "harbor.example.org"),
    ("harbor", sent.harbor_cloud_event("octo/shop", "1.0"), {}, "harbor.example.org"),
    ("ghcr", sent.ghcr("octo/shop", "1.0"), GITHUB, "ghcr.io"),
    ("ghcr", sent.ghcr("Octo/Shop", "1.0", event="package"), {"x-github-event": "package"}, "ghcr.io"),
    ("quay", sent.quay("octo/shop", "1.0"), {}, "quay.io"),
    ("quay", {**sent.quay("octo/shop"), "updated_tags": {"1.0": "b750fe79"}}, {}, "quay.io"),
    ("ecr", sent.ecr("octo/shop", "1.0"), {}, ECR),
    ("distribution", sent.distribution("octo/shop", "1.0"), {}, "registry.example.org"),
]


def delivery(body: Any, headers: dict[str, str] | None = None, token: str = "") -> Delivery:
    return Delivery(headers=headers or {}, body=body if isinstance(body, bytes) else sent.to_bytes(body), token=token)


@pytest.mark.parametrize(("kind", "body", "headers", "registry"), EXAMPLES)
def test_each_registrys_own_example_names_its_tag(
    kind: str, body: sent.Json, headers: dict[str, str], registry: str
) -> None:
    (named,) = usable(HOOKS[kind].names(delivery(body, headers)), registry)
    assert (named.registry, named.repository, named.tag, named.is_deleted) == (registry, "octo/shop", "1.0", False)
    assert named.digest in ("", DIGEST)
    assert HOOKS[kind].registry in ("", registry)


def test_every_kind_has_an_example() -> None:
    assert {kind for kind, *_ in EXAMPLES} == set(HOOKS)
    assert all(name == hook.name and hook.title and hook.shows for name, hook in HOOKS.items())


@pytest.mark.parametrize(
    ("kind", "body"),
    [
        ("harbor", sent.harbor("octo/shop", "1.0", kind="DELETE_ARTIFACT")),
        ("ecr", sent.ecr("octo/shop", "1.0", action="DELETE")),
        ("distribution", sent.distribution("octo/shop", "1.0", action="delete")),
    ],
)
def test_deletions_are_told_apart(kind: str, body: sent.Json) -> None:
    (named,) = usable(HOOKS[kind].names(delivery(body)), ECR if kind == "ecr" else "example.org")
    assert named.is_deleted


@pytest.mark.parametrize(
    ("kind", "body", "headers"),
    [
        ("harbor", sent.harbor("octo/shop", "1.0", kind="SCANNING_COMPLETED"), {}),
        ("harbor", sent.harbor("octo/shop", "", kind="PUSH_ARTIFACT"), {}),
        ("ghcr", {"zen": "Keep it logically awesome.", "hook_id": 1}, {"x-github-event": "ping"}),
        ("ghcr", {**sent.ghcr("octo/shop", "1.0"), "action": "deleted"}, GITHUB),
        ("ghcr", sent.ghcr("octo/shop", ""), GITHUB),
        ("ghcr", {"action": "published", "registry_package": {"name": "x", "package_type": "npm"}}, GITHUB),
        ("ecr", {**sent.ecr("octo/shop", "1.0"), "detail-type": "ECR Image Scan"}, {}),
        ("ecr", {**sent.ecr("octo/shop", "1.0"), "region": "evil.example.org/#"}, {}),
        ("ecr", {**sent.ecr("octo/shop", "1.0"), "source": "mine"}, {}),
        ("ecr", sent.ecr("octo/shop", "1.0", action="REPLICATE"), {}),
        ("ecr", sent.ecr("octo/shop", ""), {}),
        ("dockerhub", sent.dockerhub("octo/shop", f"1.0@{DIGEST}"), {}),
        ("dockerhub", sent.dockerhub("octo/shop:2", "1.0"), {}),
        ("distribution", {"events": []}, {}),
        ("distribution", sent.distribution("octo/shop", ""), {}),
        ("quay", sent.quay("octo/shop", "1.0", host="elsewhere.example.org"), {}),
    ],
)
def test_what_is_about_no_tag_of_the_registry_names_none(kind: str, body: sent.Json, headers: dict[str, str]) -> None:
    registry = HOOKS[kind].registry or (ECR if kind == "ecr" else "example.org")
    assert usable(HOOKS[kind].names(delivery(body, headers)), registry) == []


def test_another_account_of_amazons_is_another_registry() -> None:
    found = HOOKS["ecr"].names(delivery(sent.ecr("octo/shop", "1.0")))
    assert usable(found, "999999999999.dkr.ecr.us-west-2.amazonaws.com") == []


@pytest.mark.parametrize("kind", sorted(HOOKS))
@pytest.mark.parametrize("body", [b"", b"[]", b"1", b'"x"', b"{", b"\xff", b"[" * 100_000, b'{"a":' * 100_000, b"null"])
def test_what_is_no_body_of_the_kind_is_refused_with_advice(kind: str, body: bytes) -> None:
    with pytest.raises(HullmarkError) as refused:
        list(HOOKS[kind].names(delivery(body, GITHUB)))
    assert refused.value.advice


def test_one_body_names_only_so_many_tags_each_once() -> None:
    many = sent.quay("octo/shop", *(str(number % 1000) for number in range(5000)))
    found = usable(HOOKS["quay"].names(delivery(many)), "quay.io")
    assert len(found) == MOST_NAMED == len({each.tag for each in found})


def test_official_images_go_by_their_full_name() -> None:
    (named,) = usable(iter([NamedTag("nginx", "1")]), "docker.io")
    assert named.repository == "library/nginx"


def basic(password: str) -> str:
    return "Basic " + base64.b64encode(f"user:{password}".encode()).decode()


def proofs(kind: str, secret: str, body: bytes) -> list[Delivery]:
    """All ways in which a sender of this kind may prove a secret."""
    authorized = [{"authorization": each} for each in (secret, f"Bearer {secret}", f"bearer {secret}", basic(secret))]
    ways: dict[str, list[dict[str, str]]] = {
        "harbor": authorized,
        "distribution": authorized,
        "ecr": [{"x-api-key": secret}, *authorized],
        "ghcr": [{"x-hub-signature-256": sent.signed(body, secret)}],
    }
    if kind in ("dockerhub", "quay"):
        return [delivery(body, token=secret)]
    return [delivery(body, headers) for headers in ways[kind]]


@pytest.mark.parametrize("kind", sorted(HOOKS))
def test_who_knows_the_secret_is_let_in_and_nobody_else(kind: str) -> None:
    proves = HOOKS[kind].proves
    assert all(proves(proof, SECRET) for proof in proofs(kind, SECRET, b"{}"))
    for wrong in ("", SECRET[:-1], SECRET + "x", SECRET.upper(), "é"):
        assert not any(proves(proof, SECRET) for proof in proofs(kind, wrong, b"{}")), wrong
    assert not any(proves(proof, "") for proof in proofs(kind, "", b"{}"))
    others = [proof for other in HOOKS for proof in proofs(other, SECRET, b"{}")]
    assert not proves(delivery(b"{}"), SECRET)
    assert sum(proves(each, SECRET) for each in others) < len(others)


def test_a_signature_is_of_the_very_body() -> None:
    headers = {"x-hub-signature-256": sent.signed(b"{}", SECRET)}
    assert HOOKS["ghcr"].proves(delivery(b"{}", headers), SECRET)
    assert not HOOKS["ghcr"].proves(delivery(b"{ }", headers), SECRET)


KEYS = (
    *("type", "event_data", "data", "resources", "tag", "repository", "repo_full_name", "repo_name", "push_data"),
    *("updated_tags", "docker_url", "action", "registry_package", "package", "package_version", "container_metadata"),
    *("name", "namespace", "package_type", "source", "detail-type", "detail", "account", "region", "repository-name"),
    *("image-tag", "events", "target"),
)
WORDS = st.sampled_from(["1.0", "octo/shop", "push", DIGEST, "a@b", "a:b", "../x", "\0", "A/B"])
JSON = st.recursive(
    st.none() | st.booleans() | st.integers() | st.text(max_size=8) | WORDS,
    lambda inner: st.lists(inner, max_size=3) | st.dictionaries(st.sampled_from(KEYS), inner, max_size=5),
    max_leaves=20,
)


@pytest.mark.parametrize("kind", sorted(HOOKS))
@given(body=JSON, data=st.data())
def test_nothing_that_is_sent_does_more_than_be_refused(kind: str, body: Any, data: st.DataObject) -> None:
    example = next(each for name, each, *_ in EXAMPLES if name == kind)
    bent = bend(example, body, data)
    try:
        found = usable(HOOKS[kind].names(delivery(bent, GITHUB)), data.draw(st.sampled_from(["", "example.org", ECR])))
    except HullmarkError:
        return
    for each in found:
        named = parse_reference(f"{each.registry}/{each.repository}:{each.tag}")
        assert (named.host, named.repository, named.tag) == (each.registry, each.repository, each.tag)


def bend(document: Any, value: Any, data: st.DataObject) -> Any:
    """The document with something in it replaced."""
    if isinstance(document, dict) and document and data.draw(st.booleans()):
        key = data.draw(st.sampled_from(sorted(document)))
        return {**document, key: bend(document[key], value, data)}
    if isinstance(document, list) and document and data.draw(st.booleans()):
        return [bend(document[0], value, data), *document[1:]]
    return value


@pytest.mark.parametrize("kind", sorted(HOOKS))
@given(body=st.binary(max_size=200), header=st.text(max_size=40), token=st.text(max_size=40))
def test_no_proof_is_ever_more_than_wrong(kind: str, body: bytes, header: str, token: str) -> None:
    headers = dict.fromkeys(("authorization", "x-api-key", "x-hub-signature-256"), header)
    assert HOOKS[kind].proves(delivery(body, headers, token), SECRET) is False
