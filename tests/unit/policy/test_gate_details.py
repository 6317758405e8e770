"""Single conditions of gates: what they leave out, what they say, and where they cannot tell."""

from __future__ import annotations

import dataclasses
from collections.abc import Iterable
from datetime import UTC, datetime, timedelta
from typing import Any

import msgspec
import pytest

from hullmark.model.advisory import Lifecycle
from hullmark.model.certificate import Certificate, KeyFile, KeyStore, PrivateKey, Unread
from hullmark.model.image import HistoryEntry, ImageConfig
from hullmark.model.inventory import Distro, InventoryLayer
from hullmark.model.malware import Engine, MalwareScan, UnscannedFile
from hullmark.model.secret import Secret
from hullmark.model.signed_document import SignedDocuments
from hullmark.policy.deadlines import next_moment
from hullmark.policy.evaluate import evaluate
from hullmark.policy.gate import Answer, Violation
from hullmark.policy.gates.analysis import UnexplainedExecutables, check_unexplained_executables
from hullmark.policy.gates.base_image import Layers, Lineage, layers
from hullmark.policy.gates.certificates import UsualPassword, Weak, usual_password, weak
from hullmark.policy.gates.config import Entrypoint, Labels, Secrets, entrypoint, labels, secrets
from hullmark.policy.gates.files import TooMany, count
from hullmark.policy.gates.image import Distribution, DistroVersions, EndOfLife, distribution, end_of_life
from hullmark.policy.gates.leftovers import Caches, caches
from hullmark.policy.gates.licences import NotKnown, WrittenLicences, check_unknown_licences, check_written_licences
from hullmark.policy.gates.malware import MalwareFindings
from hullmark.policy.gates.malware import check_findings as check_malware
from hullmark.policy.gates.reach import Vulnerable, vulnerable
from hullmark.policy.gates.secrets import SecretFindings
from hullmark.policy.gates.secrets import check_findings as check_secrets
from hullmark.policy.gates.signatures import BuiltBy, built_by
from hullmark.policy.gates.vulnerabilities import VulnerabilityFindings, check_findings
from hullmark.policy.globs import PathGlob
from hullmark.policy.values import NameGlob, Pattern, Versions
from tests.support.policies import native_policy
from tests.unit.policy.building import NOW, facts, file, match, matches, package, reach_of


def said(answers: Iterable[Answer]) -> list[str]:
    """The messages of what fires, and after a question mark why something cannot be told."""
    return [each.message if isinstance(each, Violation) else f"?{each.reason}" for each in answers]


def layered(*diff_ids: str) -> tuple[InventoryLayer, ...]:
    return tuple(InventoryLayer(digest="", diff_id=diff_id, size=1, created_by="") for diff_id in diff_ids)


@pytest.mark.parametrize(
    ("own", "expected"),
    [
        (("a", "b", "c"), []),
        (("a", "c"), ["The image's lowest layers are not those of debian, ubi."]),
        (("a", ""), ["?the digest of an uncompressed layer is not known"]),
        (("x", "y", ""), []),
        ((), ["The image's lowest layers are not those of debian, ubi."]),
    ],
)
def test_an_image_must_begin_with_all_layers_of_a_base_image(own: tuple[str, ...], expected: list[str]) -> None:
    allowed = (Lineage(name="debian", diff_ids=("a", "b")), Lineage(name="ubi", diff_ids=("x", "y")))
    assert said(layers(Layers(allowed=allowed), facts(layers=layered(*own)))) == expected


def test_a_bill_of_materials_that_leaves_layers_out_does_not_tell_what_the_image_begins_with() -> None:
    seen = facts(layers=())
    source = msgspec.structs.replace(seen.inventory.source, kind="sbom")
    untold = dataclasses.replace(seen, inventory=msgspec.structs.replace(seen.inventory, source=source))
    params = Layers(allowed=(Lineage(name="debian", diff_ids=("a",)),))
    assert said(layers(params, untold)) == ["?what was read of the image does not tell its layers"]


WEAK = Certificate(
    fingerprint="01", name="CN=a", begins=NOW, ends=NOW, key="rsa", bits=4096, hash_name="sha1", is_self_signed=False
)
STORE = KeyStore(format="JKS", keys=1, password="changeit")  # noqa: S106 — the one that everybody knows


def held(*items: Any) -> tuple[KeyFile, ...]:
    return (KeyFile(path="/a", layer=0, is_ghost=False, items=items),)


def test_weak_keys_and_hashes_are_told_and_key_stores_have_neither() -> None:
    short = PrivateKey(number=2, is_encrypted=False, key="rsa", bits=1024)
    seen = facts(certificates=held(STORE, WEAK, short, Unread("it is cut short", may_be_key=False)))
    first, second, third = said(weak(Weak(), seen))
    assert first == "The certificate of CN=a in /a is signed with sha1, which is too weak."
    assert second == "The private key in /a has 1024 bits (rsa), and must have 2048."
    assert third.startswith("?")


def test_a_store_that_was_not_read_may_have_a_password_that_everybody_knows() -> None:
    seen = facts(certificates=held(STORE, Unread("it is too large", may_be_key=True), Unread("x", may_be_key=False)))
    first, second = said(usual_password(UsualPassword(), seen))
    assert first == "The key store /a (JKS, private keys: 1) can be opened with the password changeit."
    assert second.startswith("?")


@pytest.mark.parametrize(
    ("licence", "is_denied"),
    [
        ("MIT OR GPL", False),
        ("MIT AND GPL", True),
        ("(MIT OR GPL) AND ISC", False),
        ("(MIT OR GPL", True),
        ("MIT OR", False),
        ("OR GPL", True),
        ("MIT OR ISC GPL", True),
        ("GPL WITH", True),
        ("GPL WITH Linking", True),
        ("ISC WITH GPL OR MIT", False),
        ("(" * 60 + "GPL" + ")" * 60 + " OR MIT", True),
        ("(" * 60 + "ISC" + ")" * 60 + " OR MIT", False),
    ],
)
def test_what_is_not_an_expression_is_denied_if_one_of_its_words_is(licence: str, is_denied: bool) -> None:
    seen = facts(packages=[_licensed("a", licence)])
    assert bool(said(check_written_licences(WrittenLicences(names=("GPL",)), seen))) is is_denied


def _licensed(name: str, *licences: str) -> Any:

    return msgspec.structs.replace(package("npm", name, "1"), licenses=licences)


@pytest.mark.parametrize(
    ("params", "expected"),
    [
        (NotKnown(), ["none", "odd"]),
        (NotKnown(missing=False), ["odd"]),
        (NotKnown(unrecognised=False), ["none"]),
    ],
)
def test_packages_without_a_licence_and_with_an_odd_one_count_as_the_rule_says(
    params: NotKnown, expected: list[str]
) -> None:
    seen = facts(packages=[_licensed("none"), _licensed("odd", "see the file"), _licensed("good", "MIT")])
    assert [message.split()[1] for message in said(check_unknown_licences(params, seen))] == expected


def test_a_scanner_that_does_not_say_what_it_left_out_is_told_where_all_must_be_known() -> None:
    engine = Engine(name="clamav", version="1", signatures="2", caveat="large files are skipped")
    skipped = tuple(
        UnscannedFile(path=path, layer=0, engine="clamav", reason="it is too large") for path in ("/srv/a", "/b")
    )
    seen = facts(malware=MalwareScan(engines=(engine,), unscanned=skipped, unscanned_count=2))
    params = MalwareFindings(complete=True, allow=(PathGlob("/srv/"),))
    assert said(check_malware(params, seen)) == [
        "?clamav did not look at all of /b: it is too large",
        "?not all that clamav left out is known: large files are skipped",
    ]


def test_only_secrets_of_the_places_that_are_asked_for_count() -> None:
    found: dict[str, Any] = {"line": 1, "kind": "aws", "title": "a key", "severity": "high", "digest": "0"}
    seen = facts(
        secrets=(Secret(place="file", path="/a", name="", **found), Secret(place="env", path="", name="KEY", **found))
    )
    assert len(said(check_secrets(SecretFindings(), seen))) == 2
    (message,) = said(check_secrets(SecretFindings(places=("env",)), seen))
    assert "KEY" in message


CURL = package("deb", "curl", "8")


@pytest.mark.parametrize(("source", "count"), [("debian", 1), ("debian:*", 1), ("nvd", 0)])
def test_a_rule_may_ask_for_advisories_of_some_sources(source: str, count: int) -> None:
    seen = facts(packages=[CURL], matches=matches(match(CURL, "CVE-2026-0001"), packages=[CURL]))
    assert len(said(check_findings(VulnerabilityFindings(sources=(NameGlob(source),)), seen))) == count


def test_a_package_that_is_left_out_may_be_vulnerable_and_reached() -> None:
    seen = facts(
        packages=[CURL],
        matches=matches(match(CURL, "CVE-2026-0001"), packages=[CURL]),
        reach=reach_of([CURL], {"curl": "reachable"}),
    )
    assert len(said(vulnerable(Vulnerable(), seen))) == 1
    assert said(vulnerable(Vulnerable(allow=(NameGlob("cur?"),)), seen)) == []


def test_executables_that_nobody_counted_cannot_be_told() -> None:
    (reason,) = said(check_unexplained_executables(UnexplainedExecutables(), facts(unexplained=None)))
    assert reason.startswith("?nobody counted the executables that nothing explains")


def test_downloads_and_files_that_are_left_out_do_not_count() -> None:
    seen = facts(files=[file("/var/cache/apt/archives/a.deb"), file("/var/cache/apt/archives/b.deb")])
    allow = (PathGlob("/var/cache/apt/archives/a.deb"),)
    assert said(caches(Caches(allow=allow), seen)) == [
        "The file /var/cache/apt/archives/b.deb (10 bytes) is a download that a package manager kept."
    ]
    paths = (PathGlob("/var/cache/"),)
    assert said(count(TooMany(max=1, paths=paths), seen)) == ["There are 2 files at /var/cache/, and there may be 1."]
    assert said(count(TooMany(max=1, paths=paths, allow=allow), seen)) == []


def test_a_distribution_counts_in_any_version_where_none_is_asked_for() -> None:
    params = Distribution(forbidden=(DistroVersions(id=NameGlob("debian")), DistroVersions(id=NameGlob("ubuntu"))))
    for name, is_forbidden in (("debian", True), ("alpine", False)):
        assert bool(said(distribution(params, facts(distro=Distro(id=name, version_id="odd!"))))) is is_forbidden
    newer = Distribution(forbidden=(DistroVersions(id=NameGlob("debian"), version=Versions("< 12")),))
    assert said(distribution(newer, facts(distro=Distro(id="debian", version_id="11")))) != []


def test_an_image_without_a_distribution_has_no_end_of_life() -> None:
    assert said(end_of_life(EndOfLife(), facts(matches=matches(data_at="2026-02-28")))) == []


@pytest.mark.parametrize(
    ("end", "due"),
    [("2026-06-30", datetime(2026, 7, 1, tzinfo=UTC)), ("2026-06", datetime(2026, 3, 2, tzinfo=UTC)), ("", None)],
)
def test_a_release_that_ends_some_time_in_a_month_is_looked_at_every_day(end: str, due: datetime | None) -> None:
    policy = native_policy(
        b"{schema: hullmark-policy/1, name: t, rules: [{id: e, gate: image, trigger: end_of_life, action: stop}]}"
    )
    life = Lifecycle(product="debian", release="12", source="s", eol=end)
    seen = facts(distro=Distro(id="debian", version_id="12"), matches=matches(lifecycles=[life]))
    assert next_moment(policy, seen, evaluate(policy, seen, analyzer="t")) == due


@pytest.mark.parametrize(
    ("pattern", "expected"), [("^v", []), ("[0-9]", ["?"]), ("^w", ["The label t is 'v-****', and must fit '^w'."])]
)
def test_a_masked_label_that_fits_whatever_was_masked_is_as_it_must_be(pattern: str, expected: list[str]) -> None:
    seen = facts(config=ImageConfig(labels={"t": "v-****"}))
    found = said(labels(Labels(patterns={"t": Pattern(pattern)}), seen))
    assert [message if message[0] != "?" else "?" for message in found] == expected


def test_a_masked_start_that_fits_whatever_was_masked_is_as_it_must_be() -> None:
    seen = facts(config=ImageConfig(entrypoint=("serve", "--token", "****")))
    assert said(entrypoint(Entrypoint(pattern=Pattern("^serve ")), seen)) == []


def test_the_history_is_left_out_where_the_rule_says_so() -> None:
    config = ImageConfig(history=(HistoryEntry(created_by="RUN curl -u me:**** https://a.example"),))
    assert len(said(secrets(Secrets(), facts(config=config)))) == 1
    assert said(secrets(Secrets(history=False), facts(config=config))) == []


def test_provenance_cannot_be_told_where_nobody_is_trusted() -> None:
    seen = facts(signatures=SignedDocuments(documents=(), subjects=("sha256:0",)))
    assert said(built_by(BuiltBy(builders=(NameGlob("*"),)), seen)) == [
        "?no keys are named to verify signatures with (keys, or --trusted-keys)"
    ]


def test_a_rule_that_asks_for_the_last_day_of_the_calendar_is_not_due_after_it() -> None:
    policy = native_policy(
        b"{schema: hullmark-policy/1, name: t, rules: [{id: e, gate: expression, trigger: holds, action: stop,"
        b" params: {expression: \"timestamp(now) > timestamp('2027-13-01T00:00:00Z')\"}}]}"
    )
    for moment, due in (
        (datetime(9999, 12, 31, 1, tzinfo=UTC), None),
        (NOW, NOW.replace(hour=0) + timedelta(days=1)),
    ):
        seen = facts(now=moment)
        assert next_moment(policy, seen, evaluate(policy, seen, analyzer="t")) == due
