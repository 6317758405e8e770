"""What single gates of Anchore's language find, what they say of it, and where they cannot tell."""

from __future__ import annotations

from typing import Any

import pytest
from msgspec import structs

from hullmark.model.advisory import Cvss
from hullmark.model.inventory import Distro
from hullmark.model.malware import Engine, Infection, MalwareScan
from hullmark.model.match import Kev, MatchedAdvisory, SnapshotInfo
from hullmark.model.verdict import Outcome, Verdict
from hullmark.policy.anchore.evaluate import MAX_FINDINGS
from hullmark.policy.context import (
    NO_CONTEXT,
    Ancestor,
    Context,
    Detection,
    OfferedVersions,
    PreviousPackage,
    Registry,
    VulnerabilityData,
)
from hullmark.policy.context import MalwareScan as ToldScan
from hullmark.policy.facts import Facts
from tests.unit.policy.anchore.building import bundle, facts, package, rule, second
from tests.unit.policy.anchore.test_as_the_original import DEBIAN, holding, judged, matched, messages

SEEN = facts()


def asked(
    name: str, params: dict[str, Any] | None = None, seen: Facts = SEEN, context: Context = NO_CONTEXT, **more: Any
) -> Verdict:
    """The verdict of a rule that stops, in format 2 and the native profile unless another is given."""
    gate, _, trigger = name.partition(".")
    form = bundle if more.get("is_first") else second
    return judged(form(rule(gate, trigger, params)), seen, more.get("profile", "native"), context)


def reasons(verdict: Verdict) -> list[str]:
    """Why the rule cannot be judged, in each problem that says so."""
    parted = (problem.reason.partition(" cannot be judged: ") for problem in verdict.problems)
    return [reason for _, said, reason in parted if said]


DRIFTED = Context(
    previous_packages=(
        PreviousPackage(type="deb", name="bash", version="5.1-1"),
        PreviousPackage(type="deb", name="zsh", version="1"),
        PreviousPackage(type="maven", name="demo", version="1.0"),
    )
)


@pytest.mark.parametrize(
    ("kind", "types", "expected"),
    [
        ("added", "", ["Package lodash (npm) was added"]),
        ("removed", "", ["Package zsh (deb) was removed"]),
        ("modified", "", ["Package bash (deb) has another version"]),
        ("removed", "npm,maven", []),
        ("modified", "npm, deb", ["Package bash (deb) has another version"]),
    ],
)
def test_packages_are_compared_with_those_of_the_image_that_had_the_tag_before(
    kind: str, types: str, expected: list[str]
) -> None:
    params = {"package_type": types} if types else {}
    verdict = asked(f"tag_drift.packages_{kind}", params, context=DRIFTED)
    assert messages(verdict) == expected
    assert verdict.verdict is (Outcome.STOP if expected else Outcome.GO)


BUILT_ON = Context(
    ancestors=(
        Ancestor(digest="sha256:b", tags=("docker.io/debian:12", "docker.io/debian:latest"), is_base=True),
        Ancestor(digest="sha256:a", tags=("docker.io/buildpack:1",)),
    )
)


@pytest.mark.parametrize(
    ("trigger", "params", "expected"),
    [
        ("allowed_base_image_digest", {"base_digest": "sha256:a,sha256:b"}, []),
        (
            "allowed_base_image_tag",
            {"base_tag": "docker.io/alpine:3"},
            ["Base image tag (docker.io/debian:12, docker.io/debian:latest) is not among the allowed ones"],
        ),
        (
            "denylist_ancestor_image_digest",
            {"ancestor_digest": "sha256:a,sha256:z"},
            ["Ancestor image digest (sha256:a) is on the deny list"],
        ),
        ("denylist_ancestor_image_tag", {"ancestor_tag": "docker.io/alpine:3"}, []),
        ("no_ancestors_analyzed", {}, []),
    ],
)
def test_ancestors_are_compared_with_what_the_context_tells(
    trigger: str, params: dict[str, str], expected: list[str]
) -> None:
    assert messages(asked(f"ancestry.{trigger}", params, context=BUILT_ON)) == expected


@pytest.mark.parametrize(
    ("name", "params", "said"),
    [
        ("tag_drift.packages_added", {}, "give previous_packages in --context"),
        ("ancestry.allowed_base_image_tag", {"base_tag": "x"}, "give them as ancestors in --context"),
        ("ancestry.denylist_ancestor_image_digest", {"ancestor_digest": "x"}, "give them as ancestors in --context"),
    ],
)
def test_what_nobody_told_of_other_images_leaves_a_rule_unable_to_tell(
    name: str, params: dict[str, str], said: str
) -> None:
    verdict = asked(name, params)
    assert verdict.verdict is Outcome.UNKNOWN
    (reason,) = reasons(verdict)
    assert reason.endswith(said)


def test_an_image_without_a_known_ancestor_has_no_base_that_is_allowed() -> None:
    none = Context(ancestors=())
    assert messages(asked("ancestry.no_ancestors_analyzed", context=none)) == ["No ancestors of the image are known"]
    assert messages(asked("ancestry.allowed_base_image_tag", {"base_tag": "x"}, context=none)) == [
        "Base image tag (none) is not among the allowed ones"
    ]


def exploitable(gap: str, *listed: str) -> Facts:
    """Two matches of a package, those in the list marked, as advisories tell it whose list has a gap ("": none)."""
    seen = matched("")
    assert seen.matches is not None
    (one,) = seen.matches.matches
    found = [
        structs.replace(
            one,
            advisory=MatchedAdvisory(
                id=name, source="s", namespace="npm", severity="high", cve=name,
                kev=Kev(added="2026-01-02") if name in listed else None,
            ),
        )
        for name in ("CVE-2026-0001", "CVE-2026-0002")
    ]  # fmt: skip
    snapshot = SnapshotInfo(digest="sha256:5a", exploited_gap=gap)
    return facts(matches=structs.replace(seen.matches, matches=tuple(found), snapshot=snapshot))


GAP = "the list of known exploited vulnerabilities is not there"


def test_a_vulnerability_in_the_catalogue_of_exploited_ones_is_found() -> None:
    verdict = asked("vulnerabilities.kev_list", seen=exploitable("", "CVE-2026-0002"))
    assert messages(verdict) == ["CVE-2026-0002 of a is in the catalogue of known exploited vulnerabilities"]
    assert [place.detail for place in verdict.findings[0].evidence] == ["known to be exploited since 2026-01-02"]
    assert asked("vulnerabilities.kev_list", seen=exploitable("")).verdict is Outcome.GO


@pytest.mark.parametrize(
    ("listed", "outcome", "shown"),
    [
        ((), Outcome.UNKNOWN, "CVE-2026-0001 of a and 1 more are"),
        (("CVE-2026-0001",), Outcome.STOP, "CVE-2026-0002 of a is"),
        (("CVE-2026-0001", "CVE-2026-0002"), Outcome.STOP, ""),
    ],
)
def test_without_a_whole_catalogue_native_cannot_tell_what_is_not_exploited(
    listed: tuple[str, ...], outcome: Outcome, shown: str
) -> None:
    verdict = asked("vulnerabilities.kev_list", seen=exploitable(GAP, *listed))
    assert verdict.verdict is outcome
    assert len(verdict.findings) == len(listed)
    said = [f"whether {shown} known to be exploited cannot be told: {GAP}"] if shown else []
    assert reasons(verdict) == said


def test_the_original_takes_for_safe_what_is_not_in_the_catalogue_and_the_gap_is_told_beside() -> None:
    verdict = asked("vulnerabilities.kev_list", seen=exploitable(GAP), profile="compat")
    assert verdict.verdict is Outcome.GO
    assert [problem.reason for problem in verdict.problems] == [GAP]


@pytest.mark.parametrize(("if_missing", "count"), [("fire", 1), ("skip", 0), (None, 0)])
def test_a_score_that_nobody_gave_counts_where_the_rule_says_so(if_missing: str | None, count: int) -> None:
    params = {"package_type": "all", "cvss_v3_base_score": "7"} | ({"if_missing": if_missing} if if_missing else {})
    assert len(asked("vulnerabilities.package", params, matched("")).findings) == count


@pytest.mark.parametrize("score", ["base", "exploitability", "impact"])
@pytest.mark.parametrize(
    ("vector", "count"), [("CVSS:3.1/AV:N/AC:L/PR:N/UI:N/S:U/C:H/I:H/A:H", 1), ("CVSS:3.1/AV:N", 0), ("", 0)]
)
def test_what_a_vector_does_not_tell_is_a_score_that_is_missing(score: str, vector: str, count: int) -> None:
    seen = matched("")
    assert seen.matches is not None
    (one,) = seen.matches.matches
    rated = structs.replace(one.advisory, cvss=(Cvss("3.1", vector, 9.8, "nvd"),))
    seen = facts(matches=structs.replace(seen.matches, matches=(structs.replace(one, advisory=rated),)))
    params = {"package_type": "all", f"cvss_v3_{score}_score": "0.5"}
    found = asked("vulnerabilities.package", params, seen).findings
    assert len(found) == (1 if score == "base" else count), "a base score needs no vector"


@pytest.mark.parametrize(
    ("fixed", "days", "expected"),
    [
        ("2026-02-28", "10", []),
        ("2026-02-01", "10", ["(max_days_since_fix=2026-02-01)"]),
        ("2026-02-01", "999999999999", []),
    ],
)
def test_a_fix_that_is_not_there_for_long_enough_is_waited_for(fixed: str, days: str, expected: list[str]) -> None:
    seen = matched("2.0.0")
    assert seen.matches is not None
    (one,) = seen.matches.matches
    dated = structs.replace(one, fix=structs.replace(one.fix, date=fixed))
    seen = facts(matches=structs.replace(seen.matches, matches=(dated,)))
    params = {"package_type": "all", "fix_available": "true", "max_days_since_fix": days}
    found = messages(asked("vulnerabilities.package", params, seen))
    assert [message[message.index("(max_") :].partition(")")[0] + ")" for message in found] == expected


def test_days_that_reach_back_before_the_calendar_make_no_data_stale() -> None:
    early = SEEN.now.replace(year=1, month=1, day=2)
    context = Context(vulnerability_data=VulnerabilityData(built_at=early))
    params = {"max_days_since_sync": "99999"}
    verdict = asked("vulnerabilities.stale_feed_data", params, facts(now=early), context)
    assert (verdict.verdict, verdict.findings) == (Outcome.GO, ())


SCANNED = MalwareScan(
    engines=(Engine(name="clamav", version="1", signatures="2"),),
    infections=(
        Infection(path="/bin/x", layer=0, inner="", engine="clamav", signature="Eicar", is_ghost=False),
    ),
    unscanned_count=1200,
)  # fmt: skip


def test_what_scanners_of_this_machine_found_is_told_and_what_they_left_out() -> None:
    verdict = asked("malware.scans", seen=facts(malware=SCANNED))
    assert messages(verdict) == ["Malware scan finding: scanner=clamav file=/bin/x signature=Eicar"]
    assert "1,200 files were not scanned for malware" in reasons(verdict)


def test_what_the_context_tells_of_malware_goes_before_scanners_of_this_machine() -> None:
    told = ToldScan(findings=(Detection(path="/y", signature="Worm"), Detection(path="/z"), Detection(signature="W")))
    verdict = asked("malware.scans", seen=facts(malware=SCANNED), context=Context(malware={"scanner": told}))
    assert messages(verdict) == ["Malware scan finding: scanner=scanner file=/y signature=Worm"]
    assert reasons(verdict) == []


def test_where_nobody_scanned_nothing_is_found_and_that_there_was_no_scan_is() -> None:
    assert messages(asked("malware.scans")) == []
    assert messages(asked("malware.scan_not_run")) == ["No malware scans found for image"]
    assert messages(asked("malware.scan_not_run", seen=facts(malware=SCANNED))) == []


def test_an_attribute_that_is_a_number_has_no_likeness_to_the_original() -> None:
    params = {"attribute": "size", "check": "like", "value": "1"}
    assert reasons(asked("metadata.attribute", params, is_first=True, profile="compat")) == [
        "size is a number, for which there is no check 'like'"
    ]
    assert asked("metadata.attribute", params).verdict is Outcome.STOP


@pytest.mark.parametrize(
    ("name", "params"),
    [
        ("metadata.attribute", {"attribute": "distro_version", "check": ">", "value": "!"}),
        ("distro.deny", {"distro": "debian", "version": "!", "check": ">"}),
    ],
)
def test_versions_of_distributions_that_have_no_order_cannot_be_compared(name: str, params: dict[str, str]) -> None:
    verdict = asked(name, params)
    assert verdict.verdict is Outcome.STOP
    assert reasons(verdict) == ["the versions '12' and '!' cannot be compared"]


def test_versions_of_packages_that_have_no_order_cannot_be_compared() -> None:
    params = {"name": "lodash", "version": "not a version", "version_match_type": "minimum"}
    assert reasons(asked("packages.required_package", params)) == [
        "the versions '4.17.20' and 'not a version' of lodash cannot be compared"
    ]


def test_a_package_that_is_denied_in_one_version_may_be_there_in_another() -> None:
    for version, count in (("5.2-1", 1), ("5.1-1", 0)):
        verdict = asked("packages.denylist", {"name": "bash", "version": version})
        assert len(verdict.findings) == count


@pytest.mark.parametrize(("latest", "count"), [("main", 1), ("next!", 0)])
def test_versions_of_a_registry_that_have_no_order_are_compared_as_texts(latest: str, count: int) -> None:
    seen = holding(DEBIAN, package("npm", "a", "next!", "/a"))
    known = Context(feeds={"npm": Registry(synced=True, packages={"a": OfferedVersions(latest=latest)})})
    assert len(asked("npms.newer_version_in_feed", {}, seen, known).findings) == count


@pytest.mark.parametrize(
    ("mode", "operation", "fires", "reason"),
    [
        ("0644", "equals", True, []),
        ("0600", "equals", False, []),
        ("0600", "not_equals", True, []),
        ("rw-", "equals", False, ["'rw-' is not a mode in octal"]),
    ],
)
def test_a_mode_is_compared_in_octal(mode: str, operation: str, fires: bool, reason: list[str]) -> None:
    verdict = asked("files.attribute_match", {"filename": "/etc/passwd", "mode": mode, "mode_op": operation})
    assert bool(verdict.findings) is fires
    assert reasons(verdict) == reason


LINES = "FROM a\nEXPOSE 80 $PORT 8000-8001\nRUN make\n"


@pytest.mark.parametrize(
    ("kind", "ports", "expected"),
    [
        ("denylist", "0", ["8000-8001", "80"]),
        ("denylist", "8001", ["8000-8001"]),
        ("allowlist", "80,8000,8001", ["$PORT"]),
        ("allowlist", "0", []),
    ],
)
def test_a_text_that_names_no_port_is_neither_denied_nor_allowed(kind: str, ports: str, expected: list[str]) -> None:
    seen = facts(dockerfile_text=LINES)
    found = messages(asked("dockerfile.exposed_ports", {"ports": ports, "type": kind}, seen))
    assert {message.partition("(")[2].partition(")")[0] for message in found} == set(expected)


def test_a_star_is_any_port_and_a_mistake_to_the_original() -> None:
    seen, params = facts(dockerfile_text=LINES), {"ports": "*,22", "type": "denylist"}
    assert len(asked("dockerfile.exposed_ports", params, seen).findings) == 2
    verdict = asked("dockerfile.exposed_ports", params, seen, profile="compat")
    assert verdict.findings == ()
    assert [problem.reason.rpartition(": ")[2] for problem in verdict.problems] == [
        "expected whole numbers with commas between, not '*'"
    ]


def test_a_dockerfile_that_is_given_is_looked_at_and_one_that_cannot_be_read_fails_the_rule() -> None:
    seen = facts(dockerfile_text=LINES)
    assert messages(asked("dockerfile.no_dockerfile_provided", seen=seen)) == []
    params = {"instruction": "RUN", "check": "="}
    assert messages(asked("dockerfile.instruction", params, seen)) == []
    (reason,) = reasons(asked("dockerfile.instruction", params, facts(dockerfile_text="NOTHING here\n")))
    assert reason.startswith("the Dockerfile cannot be read: ")


@pytest.mark.parametrize(
    ("searched", "reason"),
    [
        ({}, "the image's files were not searched"),
        (
            {"secrets": {"/etc/passwd": [("", 0)]}},
            "the expressions it searches for take too long on /etc/passwd",
        ),
    ],
)
def test_files_that_were_not_searched_to_their_end_fail_the_rule(searched: dict[str, Any], reason: str) -> None:
    verdict = asked("secret_scans.content_regex_checks", seen=facts(searched=searched))
    assert (verdict.verdict, reasons(verdict)) == (Outcome.STOP, [reason])


@pytest.mark.parametrize(("name", "count"), [("API_KEY", 0), ("PRIV_KEY", 1)])
def test_a_secret_that_must_be_there_is_missed_only_where_it_is_not(name: str, count: int) -> None:
    seen = facts(searched={"secrets": {"/etc/passwd": [("API_KEY=x", 1)]}})
    params = {"content_regex_name": name, "match_type": "notfound"}
    found = messages(asked("secret_scans.content_regex_checks", params, seen))
    assert found == [
        "Secret content search analyzer did not find regexp match in container:"
        f" filename_regex=* content_regex_name={name}"
    ] * count  # fmt: skip


def test_a_rule_that_fires_too_often_cannot_be_judged() -> None:
    many = tuple(PreviousPackage(type="npm", name=str(number), version="1") for number in range(MAX_FINDINGS + 1))
    verdict = asked("tag_drift.packages_removed", context=Context(previous_packages=many))
    assert (verdict.verdict, verdict.findings) == (Outcome.STOP, ())
    assert reasons(verdict) == [f"it fires more than {MAX_FINDINGS} times"]


def test_a_distribution_is_denied_by_a_version_whatever_the_case_of_its_name() -> None:
    seen = holding(Distro(id="debian", version_id="11"))
    params = {"distro": "Debian", "version": "12", "check": "<"}
    assert messages(asked("distro.deny", params, seen)) == ["Distribution debian 11 is denied (< 12)"]
