"""Smaller gates: file capabilities, credentials in settings, where packages are, how long a release is maintained."""

from __future__ import annotations

import msgspec
import pytest
from hypothesis import given
from hypothesis import strategies as st

from hullmark.model.advisory import Lifecycle
from hullmark.model.capabilities import capability_names
from hullmark.model.inventory import Distro
from hullmark.model.package import SourcePackage
from hullmark.policy.credentials import assignments, credentials_in, is_credential
from hullmark.policy.gate import Answer, CannotTell, Violation
from hullmark.policy.gates.image import EndOfLife, end_of_life
from hullmark.policy.gates.integrity import UnexplainedBytes, unexplained_bytes
from hullmark.policy.gates.packages import ForbiddenPackages, forbidden
from hullmark.policy.globs import PathGlob
from hullmark.policy.values import NameGlob, Score, Share
from tests.support.policies import native_policy
from tests.unit.policy.building import facts, file, matches, package
from tests.unit.policy.test_golden import CASES

_ZERO = "00000000"


@pytest.mark.parametrize(
    ("attribute", "names"),
    [
        ("01000002" + "00200000" + _ZERO * 3, ("cap_net_raw",)),
        ("00000002" + "00040000" + "00200000" + _ZERO * 2, ("cap_net_bind_service", "cap_net_raw")),
        ("01000001" + "01000000" + _ZERO, ("cap_chown",)),
        ("00000003" + _ZERO * 2 + "80000000" + _ZERO * 2, ("cap_bpf",)),
        ("01000002" + "00200000" + _ZERO * 4, ()),
        ("", ()),
        ("zz", ()),
    ],
)
def test_an_attribute_names_its_capabilities(attribute: str, names: tuple[str, ...]) -> None:
    assert capability_names(attribute) == names


@given(st.binary(max_size=30).map(bytes.hex) | st.text(max_size=30))
def test_any_attribute_is_read(attribute: str) -> None:
    assert all(name.startswith("cap_") for name in capability_names(attribute))


@pytest.mark.parametrize(
    ("name", "value", "is_one"),
    [
        ("DB_PASSWORD", "hunter2", True),
        ("password", "'x'", True),
        ("GITHUB_TOKEN", "abc", True),
        ("API_KEY_2", "abc", True),
        ("DB_PASSWORD", "$PASS", False),
        ("DB_PASSWORD", "", False),
        ("DB_PASSWORD_FILE", "/run/secrets/db", False),
        ("SECRET", "/run/secrets/x", False),
        ("GPG_KEY", "A035C8", False),
        ("TOKENIZER", "fast", False),
        ("PATH", "/bin", False),
    ],
)
def test_a_name_may_be_a_credential_s(name: str, value: str, is_one: bool) -> None:
    assert is_credential(name, value) is is_one


@pytest.mark.parametrize(
    ("text", "kinds"),
    [
        ("AKIAIOSFODNN7EXAMPLE", ["an AWS access key"]),
        ("postgres://app:pass@db/x", ["a password in an address"]),
        ("postgres://app@db/x https://host/a@b", []),
        ("https://user:$PASS@host/", []),
        ("-----BEGIN RSA PRIVATE KEY-----", ["a private key"]),
        ("glpat-abcdefghij0123456789", ["a GitLab token"]),
        ("nothing to see", []),
    ],
)
def test_credentials_have_forms(text: str, kinds: list[str]) -> None:
    assert list(credentials_in(text)) == kinds


def test_instructions_are_searched_for_assignments() -> None:
    text = "RUN |2 TOKEN=abc NAME='a b' /bin/sh -c export SECRET=\"x y\" && echo A==B"
    assert dict(assignments(text)) == {"TOKEN": "abc", "NAME": "'a b", "SECRET": '"x y', "A": "=B"}


def _subjects(answers: list[Answer]) -> list[str]:
    return [answer.subject if isinstance(answer, Violation) else "?" for answer in answers]


def test_packages_are_told_apart_by_place_source_and_owner() -> None:
    plain = package("deb", "libssl3", "3")
    seen = facts(
        packages=[
            type(plain)(
                type="deb",
                name="libssl3",
                version="3",
                purl="pkg:deb/libssl3@3",
                cataloger="x",
                source=SourcePackage("openssl", "3"),
            ),
            type(plain)(
                type="pypi", name="six", version="1", purl="pkg:pypi/six@1", cataloger="x", owned_by="pkg:deb/six@1"
            ),
            package("pypi", "flask", "3"),
        ]
    )
    assert _subjects(list(forbidden(ForbiddenPackages(sources=(NameGlob("openssl"),)), seen))) == ["pkg:deb/libssl3@3"]
    assert _subjects(list(forbidden(ForbiddenPackages(owned=True), seen))) == ["pkg:pypi/six@1"]
    assert _subjects(list(forbidden(ForbiddenPackages(owned=False, types=("pypi",)), seen))) == ["pkg:pypi/flask@3"]
    assert _subjects(list(forbidden(ForbiddenPackages(locations=(PathGlob("/var/lib/pypi/"),)), seen))) == [
        "pkg:pypi/flask@3"
    ]
    with pytest.raises(ValueError, match="all packages"):
        ForbiddenPackages()


def test_what_packages_account_for_is_explained() -> None:
    seen = facts(
        packages=[package("npm", "x", "1")],
        files=[
            file("/usr/bin/a", size=50, owner="pkg:deb/a@1", state="ok"),
            file("/var/lib/dpkg/status", size=40),
            file("/var/lib/npm/x", size=5),
            file("/opt/blob", size=5),
        ],
    )
    assert list(unexplained_bytes(UnexplainedBytes(max=Share("5%")), seen)) == []
    assert _subjects(list(unexplained_bytes(UnexplainedBytes(max=Share("0.049")), seen))) == ["bytes"]


@pytest.mark.parametrize(
    ("life", "params", "kind"),
    [
        ({"eol": "2026-02-28"}, EndOfLife(), Violation),
        ({"eol": "2026-03-01"}, EndOfLife(), None),
        ({"eol": "2026-03-20"}, EndOfLife(within_days=30), Violation),
        ({"eol": "2026-02-28", "extended": "2027-01-01"}, EndOfLife(extended=True), None),
        ({"is_ended": True}, EndOfLife(), Violation),
        ({}, EndOfLife(), CannotTell),
    ],
)
def test_a_release_is_maintained_or_not(life: dict[str, object], params: EndOfLife, kind: type | None) -> None:
    known = Lifecycle(product="debian", release="12", source="test", **life)  # type: ignore[arg-type]
    seen = facts(distro=Distro(id="debian", version_id="12"), matches=matches(lifecycles=[known]))
    assert [type(answer) for answer in end_of_life(params, seen)] == ([kind] if kind else [])


def test_advice_is_a_clause_about_the_subject() -> None:
    advised = set()
    for case in CASES:
        policy = native_policy((case / "policy.yaml").read_bytes())
        rules = {rule.id: rule for rule in policy.rules}
        for finding in msgspec.json.decode((case / "expected.json").read_bytes())["findings"]:
            rule = rules.get(finding["rule_id"])
            if rule is not None and rule.trigger.advice is not None and finding["subject"] not in ("*", "?"):
                text = rule.trigger.advice(rule.params, finding["subject"])
                advised.add(rule.trigger.full_name)
                assert text
                assert not text.endswith(".")
    assert advised >= {"files.setuid", "packages.forbidden", "vulnerabilities.found", "config.user"}


@pytest.mark.parametrize("text", ["", "-1", "11", "7,5", "10.1", "5%"])
def test_scores_are_from_0_to_10(text: str) -> None:
    with pytest.raises(ValueError, match="score"):
        Score(text)


def test_shares_are_fractions_or_percent() -> None:
    assert Share("10%").number == Share("0.1").number == 0.1
    with pytest.raises(ValueError, match="share"):
        Share("101%")
