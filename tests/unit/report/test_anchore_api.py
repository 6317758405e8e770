"""The answers of Anchore's API: facts of each shape, and the golden verdicts as its table."""

from __future__ import annotations

import json
from base64 import b64decode
from datetime import datetime, timedelta, timezone
from pathlib import Path
from typing import Any

import msgspec
import pytest
from cvss import CVSS3  # type: ignore[import-untyped]
from hypothesis import given
from hypothesis import strategies as st

from hullmark.model.advisory import Cvss
from hullmark.model.errors import HullmarkError
from hullmark.model.image import HistoryEntry, ImageConfig
from hullmark.model.inventory import Inventory
from hullmark.model.match import Matches
from hullmark.model.package import Location
from hullmark.model.policy_facts import KnownImage, PolicyFacts
from hullmark.model.verdict import Finding, Outcome, PolicyProblem, Verdict
from hullmark.policy.anchore.gates import RETIRED, triggers_by_gate
from hullmark.policy.anchore.rows import package_rows
from hullmark.policy.cvss3 import exploitability_score, impact_score
from hullmark.report.anchore import (
    accounts,
    content,
    errors,
    evaluations,
    events,
    images,
    policies,
    requests,
    scores,
    subscriptions,
    system,
    vulnerabilities,
)
from hullmark.report.anchore.words import stamp
from tests.support.anchore import cases, in_process
from tests.unit.report import matches_samples, samples
from tests.unit.report.anchore_samples import (
    ADVISORIES,
    BUNDLE,
    EVENT,
    IMAGE,
    KNOWN,
    NOON,
    POLICY,
    PROCESSES,
    REGISTRY,
    REPOSITORY,
    SCAN,
    TAG,
    WAITING,
    evaluation,
    plain,
)


def test_an_image_has_its_ids_tags_and_metadata() -> None:
    record = plain(images.image_record(IMAGE))
    assert record["analysis_status"] == "analyzed"
    assert record["analyzed_at"] == "2026-01-31T12:01:00Z"
    assert (record["imageDigest"], record["parentDigest"]) == (samples.digest(0xA), samples.digest(0xE))
    assert (record["userId"], record["image_type"], record["image_status"]) == ("team", "docker", "active")
    assert record["image_content"]["metadata"] == {
        "arch": "arm64",
        "distro": "debian",
        "distro_version": "12",
        "dockerfile_mode": "Actual",
        "image_size": 1200,
        "layer_count": 3,
    }
    (detail,) = record["image_detail"]
    assert detail["fulltag"] == "docker.io/library/shop:1.4"
    assert detail["fulldigest"] == f"docker.io/library/shop@{samples.digest(0xA)}"
    assert detail["imageId"] == samples.digest(0xB).removeprefix("sha256:")
    assert b64decode(detail["dockerfile"]) == b"FROM scratch\n"
    assert detail["tag_detected_at"] == "2026-01-31T13:00:00Z"


def test_an_image_that_waits_has_no_metadata_and_one_detail_without_a_tag() -> None:
    record = plain(images.image_record(WAITING))
    assert record["analysis_status"] == "not_analyzed"
    assert record["analyzed_at"] is None
    assert set(record["image_content"]["metadata"].values()) == {None}
    assert [detail["tag"] for detail in record["image_detail"]] == ["<none>"]
    assert record["parentDigest"] == record["imageDigest"]
    assert images.tag_summaries(WAITING) == []
    [summary] = plain(images.tag_summaries(msgspec.structs.replace(WAITING, tags=IMAGE.tags)))
    assert (summary["analyzed_at"], summary["analysis_status"]) == (None, "not_analyzed")
    assert plain(images.tag_summaries(IMAGE))[0]["analyzed_at"] == int(NOON.timestamp()) + 60


def test_times_are_utc_in_whole_seconds() -> None:
    assert stamp(datetime(2026, 1, 31, 13, 0, 0, 999, tzinfo=timezone(timedelta(hours=1)))) == "2026-01-31T12:00:00Z"
    assert stamp(datetime(2026, 1, 31, 12)) == "2026-01-31T12:00:00Z"  # noqa: DTZ001
    assert stamp(None) is None


def test_the_history_is_the_latest_instruction_first_with_the_layer_it_brought() -> None:
    config = ImageConfig(
        history=(HistoryEntry("ADD x"), HistoryEntry("ENV a=b", empty_layer=True), HistoryEntry("RUN y"))
    )
    steps = json.loads(images.history(config, samples.SOURCE))
    assert [(step["CreatedBy"], step["Size"]) for step in steps] == [("RUN y", 200), ("ENV a=b", 0), ("ADD x", 1000)]
    assert [step["Id"] for step in steps] == [samples.digest(0x22), "<missing>", samples.digest(0x11)]
    answer = plain(images.metadata("sha256:1", "docker_history", images.history(config, samples.SOURCE)))
    assert json.loads(b64decode(answer["metadata"])) == steps


def test_content_has_the_keys_of_its_type() -> None:
    def first(kind: str) -> dict[str, Any]:
        found: dict[str, Any] = plain(content.content(KNOWN, kind))["content"][0]
        return found

    common = {"package", "version", "type", "location", "origin", "license", "licenses", "cpes"}
    assert set(first("os")) == common - {"location"} | {"size"}
    for kind in ("npm", "gem", "python", "go", "binary", "nuget"):
        assert set(first(kind)) == common, kind
    assert set(first("java")) == common - {"version", "license", "licenses"} | {
        *("specification-version", "implementation-version", "maven-version"),
    }
    assert set(first("files")) == {"filename", "linkdest", "size", "mode", "sha256", "type", "uid", "gid"}
    assert (first("java")["type"], first("java")["origin"]) == ("JAVA-JAR", "org.apache.logging.log4j")
    assert first("npm")["type"] == "NPM"
    assert content.content(KNOWN, "unheard") is None


def test_every_package_is_content_of_one_type() -> None:
    inventory = KNOWN.inventory
    kinds = [kind for kind in content.content_types(inventory) if kind not in ("files", "malware")]
    told = [entry for kind in kinds for entry in plain(content.content(KNOWN, kind))["content"]]
    assert {entry["package"] for entry in told} == {package.name for package in inventory.packages}
    # A package of a language is told once for each of its places.
    assert sum(entry["package"] == "left-pad" for entry in told) == 2


def test_files_are_those_of_the_finished_image() -> None:
    found = {entry["filename"]: entry for entry in plain(content.content(KNOWN, "files"))["content"]}
    assert "/srv/gone" not in found
    assert (found["/srv/data"]["mode"], found["/etc/ssl/openssl.cnf"]["mode"]) == ("04755", "00644")
    assert (found["/srv/link"]["type"], found["/srv/link"]["linkdest"]) == ("slink", "data")
    assert found["/srv/link"]["sha256"] is None


def test_malware_is_told_by_scanner_and_nothing_if_nobody_looked() -> None:
    (entry,) = plain(content.malware(SCAN))
    assert (entry["scanner"], entry["enabled"]) == ("clamav", True)
    assert entry["findings"] == [{"path": "/a", "signature": "Eicar"}]
    assert entry["metadata"]["db_version"] == {"signatures": "daily 27500"}
    assert content.malware(None) == []


def test_a_vulnerability_has_its_fields_and_words() -> None:
    found = plain(vulnerabilities.vulnerabilities(matches_samples.SMALL, "all"))
    assert (found["imageDigest"], found["vulnerability_type"]) == (samples.digest(0xA), "all")
    log4j = next(
        vulnerability for vulnerability in found["vulnerabilities"] if vulnerability["package_name"] == "log4j-core"
    )
    assert log4j["vuln"] == "GHSA-jfh8-c2jp-5v3q"
    assert (log4j["severity"], log4j["fix"], log4j["will_not_fix"]) == ("Critical", "2.15.0", False)
    assert (log4j["package"], log4j["package_type"]) == ("log4j-core-2.14.1", "java")
    assert log4j["package_path"] == "/app/shop.war:WEB-INF/lib/log4j-core-2.14.1.jar"
    assert (log4j["feed"], log4j["package_cpe"]) == ("vulnerabilities", "None")
    assert [each["id"] for each in log4j["nvd_data"]] == ["CVE-2021-44228"]
    assert log4j["vendor_data"][0]["id"] == log4j["vuln"]
    assert log4j["vendor_data"][0]["cvss_v3"] == {
        "base_score": 10.0,
        "exploitability_score": 3.9,
        "impact_score": 6.0,
    }
    openssl = next(
        vulnerability for vulnerability in found["vulnerabilities"] if vulnerability["vuln"] == "CVE-2023-5678"
    )
    assert (openssl["package_path"], openssl["feed_group"], openssl["package_type"]) == ("pkgdb", "debian:12", "dpkg")
    assert openssl["nvd_data"][0]["cvss_v3"]["base_score"] == 9.8
    assert openssl["nvd_data"][0]["cvss_v2"]["base_score"] == -1.0
    assert openssl["vendor_data"][0]["cvss_v2"] == {
        "base_score": 5.0,
        "exploitability_score": 10.0,
        "impact_score": 2.9,
    }


def test_what_the_vendor_will_not_fix_is_listed_only_if_asked_for() -> None:
    kept = msgspec.structs.replace(matches_samples.SMALL, matches=(matches_samples.WONT, matches_samples.WAIVED))
    assert plain(vulnerabilities.vulnerabilities(kept, "os"))["vulnerabilities"] == []
    (told,) = plain(vulnerabilities.vulnerabilities(kept, "os", vendor_only=False))["vulnerabilities"]
    assert (told["vuln"], told["will_not_fix"], told["fix"]) == ("CVE-2010-4756", True, "None")
    assert vulnerabilities.vulnerabilities(kept, "other") is None


@given(matches_samples.matches())
def test_all_is_the_systems_and_then_the_others(found: Matches) -> None:
    of = {kind: vulnerabilities.vulnerabilities(found, kind, vendor_only=False) for kind in ("os", "non-os", "all")}
    lists = {kind: answer.vulnerabilities for kind, answer in of.items() if answer is not None}
    assert lists["all"] == lists["os"] + lists["non-os"]
    assert {each.vuln for each in lists["all"]} == {m.advisory.id for m in found.matches if m.suppressed is None}
    for each in lists["all"]:
        texts = (each.package, each.severity, each.fix, each.url, each.package_type, each.feed_group, each.package_path)
        assert all(isinstance(text, str) for text in texts)


@given(samples.inventories())
def test_any_inventory_has_content(inventory: Inventory) -> None:
    known = KnownImage(inventory=inventory, policy_facts=PolicyFacts())
    for kind in content.content_types(inventory):
        assert content.content(known, kind) is not None


@given(st.from_regex(r"\ACVSS:3\.1/AV:[NALP]/AC:[LH]/PR:[NLH]/UI:[NR]/S:[UC]/C:[NLH]/I:[NLH]/A:[NLH]\Z"))
def test_parts_of_scores_are_those_that_policies_compare(vector: str) -> None:
    rating = Cvss("3.1", vector, float(CVSS3(vector).base_score))
    found = scores.scores(rating)
    assert found.base_score == rating.score
    assert found.exploitability_score == exploitability_score(rating)
    assert found.impact_score == max(impact_score(rating), 0.0)


@given(st.text(max_size=40), st.sampled_from(("2.0", "3.1", "4.0", "")))
def test_a_vector_that_is_none_gives_no_parts(text: str, version: str) -> None:
    assert scores.scores(Cvss(version, f"x{text}", 5.0)) == scores.Scores(base_score=5.0)


def test_types_and_places_are_those_that_policies_see() -> None:
    wheel = samples.package("pypi", "yaml", "6", locations=(Location("/s/lib/PyYAML-6.dist-info/METADATA", 0),))
    egg = samples.package("pypi", "old", "1", locations=(Location("/s/old-1-py3.egg-info", 0), Location("/x/y", 1)))
    inventory = msgspec.structs.replace(samples.SMALL, packages=(*samples.PACKAGES[:-1], wheel, egg))
    rows = {(r.name, r.kind.lower(), r.location) for r in package_rows(inventory) if not r.is_system}
    known = KnownImage(inventory=inventory, policy_facts=PolicyFacts())
    matches = [matches_samples.match(package, "CVE-2026-1") for package in inventory.packages]
    found = msgspec.structs.replace(matches_samples.SMALL, matches=tuple(matches))
    told = plain(vulnerabilities.vulnerabilities(found, "non-os"))["vulnerabilities"]
    # Policies go by the package URL's word for what Anchore calls binary.
    words = {"binary": "generic"}
    kinds = {each["package_type"] for each in told}
    assert {
        (e["package_name"], words.get(e["package_type"], e["package_type"]), e["package_path"]) for e in told
    } == rows
    assert kinds <= set(content.content_types(inventory))
    assert [e["location"] for e in plain(content.content(known, "python"))["content"] if e["package"] == "yaml"] == [
        "/s/lib"
    ]


def test_an_evaluation_is_nested_by_digest_and_tag() -> None:
    short = plain(evaluations.check("sha256:1", TAG.full, [evaluation(samples.STOP)]))
    assert short == [
        {
            "sha256:1": {
                TAG.full: [
                    {"detail": {}, "last_evaluation": "2026-01-31T12:00:00Z", "policyId": "b1", "status": "fail"}
                ]
            }
        }
    ]
    assert plain(evaluations.check("sha256:1", "t", [])) == [{"sha256:1": {"t": []}}]
    (whole,) = plain(evaluations.check("sha256:1", "t", [evaluation(samples.STOP)], detail=True))[0]["sha256:1"]["t"]
    result = whole["detail"]["result"]
    identity = result["image_id"]
    table = result["result"][identity]["result"]
    assert whole["detail"]["policy"] == result["bundle"] == BUNDLE
    assert identity == samples.digest(0xB)[7:]
    assert table["row_count"] == len(table["rows"]) == 4
    assert {len(row) for row in table["rows"]} == {len(table["header"])} == {9}
    assert [row[6] for row in table["rows"]] == ["stop", "go", "warn", "go"]
    assert table["rows"][0][7] is False
    assert table["rows"][1][7] == {"matched_rule_id": "", "whitelist_id": "a", "whitelist_name": "list"}


@pytest.mark.parametrize(
    ("outcome", "status", "action"),
    [("go", "pass", "go"), ("warn", "pass", "warn"), ("stop", "fail", "stop"), ("unknown", "fail", "stop")],
)
def test_what_cannot_be_told_does_not_pass(outcome: str, status: str, action: str) -> None:
    verdict = msgspec.structs.replace(samples.GO, verdict=Outcome(outcome))
    assert evaluations.status_of(verdict) == status
    assert evaluations.result_of(evaluation(verdict)).final_action == action


def test_the_table_says_what_the_rules_come_to_whatever_the_lists_say() -> None:
    verdict = msgspec.structs.replace(samples.STOP, verdict=Outcome.GO, reason="whitelisted")
    result = plain(evaluations.result_of(evaluation(verdict)))
    assert (result["final_action"], result["final_action_reason"]) == ("go", "whitelisted")
    assert result["result"][result["image_id"]]["result"]["final_action"] == "stop"


def _verdict_of(document: dict[str, Any]) -> Verdict:
    problems = tuple(msgspec.convert(problem, PolicyProblem) for problem in document["problems"])
    return Verdict(
        verdict=Outcome(document["verdict"]),
        reason=document["reason"],
        findings=msgspec.convert(document["findings"], tuple[Finding, ...]),
        problems=problems,
        inputs=samples.INPUTS,
    )


CHOSEN = [
    name
    for name, case in cases().items()
    if any(finding["whitelisted"] for finding in case["expected"]["findings"])
    or case["expected"]["reason"] != "policy_evaluation"
    or case["expected"]["problems"]
]


@pytest.mark.parametrize("name", CHOSEN or [pytest.param("", marks=pytest.mark.skip(reason="no shared material"))])
def test_golden_verdicts_are_the_originals_table(name: str, tmp_path: Path) -> None:
    case = cases()[name]
    expected = case["expected"]
    verdict = _verdict_of(in_process(case, "compat", tmp_path))
    result = plain(evaluations.result_of(evaluation(verdict, policy=case["bundle"], fulltag=case["tag"] or "")))
    assert (result["final_action"], result["final_action_reason"]) == (expected["final_action"], expected["reason"])
    rows = [
        (row[3], row[4], row[2], row[5], row[6], bool(row[7]))
        for row in result["result"][result["image_id"]]["result"]["rows"]
    ]
    names = ("gate", "trigger", "trigger_id", "message", "action")
    assert sorted(rows) == sorted(
        (*(finding[n] for n in names), finding["whitelisted"]) for finding in expected["findings"]
    )
    lists = {each["id"]: {item["id"] for item in each["items"]} for each in case["bundle"].get("whitelists") or ()}
    for row in result["result"][result["image_id"]]["result"]["rows"]:
        if row[7]:
            assert row[7]["matched_rule_id"] in lists[row[7]["whitelist_id"]]


def test_a_policy_has_its_document_only_if_asked_for() -> None:
    record = plain(policies.policy_record(POLICY))
    assert record == {
        "active": True,
        "created_at": "2026-01-31T12:00:00Z",
        "last_updated": "2026-01-31T12:00:00Z",
        "policyId": "b1",
        "policy_source": "local",
        "userId": "team",
    }
    assert plain(policies.policy_record(POLICY, detail=True))["policybundle"] == BUNDLE


def _spec() -> list[policies.GateSpec]:
    known = triggers_by_gate(with_enterprise=False)
    return policies.policy_spec([each for gate in known.values() for each in gate.values()], RETIRED)


def test_every_gate_is_described_with_its_triggers_and_parameters() -> None:
    known = triggers_by_gate(with_enterprise=False)
    spec = {gate["name"]: gate for gate in plain(_spec())}
    active = {name for name, gate in spec.items() if gate["state"] == "active"}
    assert active == set(known)
    assert {name for name, gate in spec.items() if gate["state"] == "eol"} == set(RETIRED)
    assert set(triggers_by_gate()) <= set(policies.GATES)
    for gate, triggers in known.items():
        assert spec[gate]["description"]
        assert {trigger["name"] for trigger in spec[gate]["triggers"]} == set(triggers)
    package = next(trigger for trigger in spec["vulnerabilities"]["triggers"] if trigger["name"] == "package")
    kind = next(parameter for parameter in package["parameters"] if parameter["name"] == "package_type")
    assert (kind["required"], kind["validator"]) == (True, {"type": "string", "enum": ["all", "os", "non-os"]})
    assert spec["anchoresec"]["superceded_by"] == "vulnerabilities"


def test_a_subscriptions_id_depends_on_account_key_and_type() -> None:
    ids = {subscriptions.subscription_id(a, k, t) for a in ("a", "b") for k in ("k", "l") for t in ("s", "t")}
    assert len(ids) == 8
    found = plain(subscriptions.subscription(REPOSITORY))
    assert json.loads(found["subscription_value"]) == {
        "autosubscribe": True,
        "lookuptag": None,
        "repotags": ["a", "b"],
        "tagcount": 2,
    }
    assert found["subscription_id"] == subscriptions.subscription_id("team", REPOSITORY.key, "repo_update")


def test_events_come_in_pages_and_their_types_are_listed() -> None:
    page = plain(events.events([EVENT], 2, is_last=False))
    assert (page["page"], page["next_page"], page["item_count"]) == (2, True, 1)
    assert page["results"][0]["event"]["timestamp"] == "2026-01-31T12:00:00.000000Z"
    told = [e["type"] for c in events.event_types() for s in c["subcategories"] for e in s["events"]]
    assert sorted(told) == sorted(events.EVENT_TYPES)


def test_a_whole_server_is_the_five_services_and_feeds_are_complete_once_adopted() -> None:
    status = plain(system.system_status(PROCESSES, version="1.2.3", schema="0007"))["service_states"]
    names = {each["servicename"] for each in status if each["status"] and each["service_detail"]["up"]}
    assert names == {"catalog", "apiext", "policy_engine", "simplequeue", "analyzer"}
    (feed,) = plain(system.feeds(ADVISORIES))
    assert (feed["name"], feed["enabled"], feed["last_full_sync"]) == ("vulnerabilities", True, "2026-01-31T12:00:00Z")
    assert [(g["name"], g["record_count"], g["enabled"]) for g in feed["groups"]] == [
        ("debian:12", 4, True),
        ("npm", 2, True),
    ]
    none = plain(system.feeds(system.AdvisoriesInfo(adopted_at=None, counts={})))[0]
    assert (none["last_full_sync"], none["groups"]) == (None, [])
    assert tuple(map(int, system.description("/api/v1")["info"]["version"].split("."))) >= (0, 1, 6)


def test_an_error_has_its_code_twice_and_the_advice() -> None:
    body = plain(errors.error_of(HullmarkError("no such image", advice="add it"), 404, codes=("UNKNOWN",)))
    assert body == {
        "code": 404,
        "detail": {"advice": "add it", "error_codes": ["UNKNOWN"]},
        "error_type": "NotFound",
        "httpcode": 404,
        "message": "no such image",
    }
    assert "analyzing" in errors.not_analysed("analyzing").message


def test_no_password_is_told() -> None:
    user = accounts.UserInfo(name="ann", created_at=NOON)
    assert plain(accounts.credentials(user))[0]["value"].strip("*") == ""
    assert not any("pass" in key for key in plain(accounts.registry(REGISTRY)))
    assert plain(accounts.registry(REGISTRY))["registry_name"] == "r.example:5000"


@pytest.mark.parametrize(
    ("body", "reference", "tag"),
    [
        ({"tag": "a:1"}, "a:1", ""),
        ({"tag": "a:1", "digest": "r/a@sha256:1", "created_at": "now"}, "r/a@sha256:1", "a:1"),
        ({"source": {"tag": {"pullstring": "a:1"}}}, "a:1", ""),
        ({"source": {"digest": {"pullstring": "r/a@sha256:1", "tag": "a:1"}}, "tag": "b"}, "r/a@sha256:1", "a:1"),
    ],
)
def test_an_image_is_asked_for_in_either_form(body: dict[str, Any], reference: str, tag: str) -> None:
    wanted = requests.wanted_image(msgspec.convert(body, requests.ImageRequest))
    assert (wanted.reference, wanted.tag, wanted.dockerfile, wanted.annotations) == (reference, tag, "", {})


def test_a_dockerfile_comes_in_base64() -> None:
    wanted = requests.wanted_image(requests.ImageRequest(tag="a", dockerfile="RlJPTSB4\nCg==", annotations={"k": "v"}))
    assert (wanted.dockerfile, wanted.annotations) == ("FROM x\n", {"k": "v"})


@pytest.mark.parametrize(
    "body",
    [
        {},
        {"source": {}},
        {"source": {"archive": {"digest": "sha256:1"}}},
        {"source": {"import": {}}},
        {"tag": "a", "dockerfile": "FROM x"},
        {"tag": "a", "dockerfile": "QUFB" * requests.MAX_DOCKERFILE},
        {"tag": "a", "dockerfile": "QUFB" * (requests.MAX_DOCKERFILE // 3 + 1)},
        {"tag": "a", "annotations": {str(number): "" for number in range(1001)}},
    ],
    ids=["nothing", "no-source", "archive", "import", "not-base64", "large", "somewhat-large", "many-annotations"],
)
def test_what_cannot_be_added_is_said(body: dict[str, Any]) -> None:
    with pytest.raises(HullmarkError) as raised:
        requests.wanted_image(msgspec.convert(body, requests.ImageRequest))
    assert raised.value.advice


def test_an_image_that_goes_is_deleting_and_one_that_stays_says_why() -> None:
    assert plain(images.deletion("sha256:1")) == {"detail": "", "digest": "sha256:1", "status": "deleting"}
    kept = images.no_deletion("sha256:1", "it has subscriptions")
    assert (kept.status, kept.detail) == ("delete_failed", "it has subscriptions")
    assert images.no_deletion("sha256:1", "no such image", is_known=False).status == "not_found"
