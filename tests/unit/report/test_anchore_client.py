"""Anchore's own client prints each answer: its formatting is the judge of the shapes.

The client is an old program with old pins, so it may stand under an interpreter of its own, which HULLMARK_ANCHORECLI names. A way to
one: `pip install --no-deps anchorecli==0.9.3`, then `pip install click==8.1.8 prettytable==2.2.0 python-dateutil pyyaml requests`.
"""

from __future__ import annotations

import json
import os
import subprocess
import sys
from importlib.util import find_spec
from pathlib import Path
from typing import Any

import msgspec
import pytest

from hullmark.model.verdict import Outcome
from hullmark.policy.anchore.gates import RETIRED, triggers_by_gate
from hullmark.report.anchore import (
    accounts,
    content,
    errors,
    evaluations,
    events,
    images,
    policies,
    subscriptions,
    system,
    vulnerabilities,
)
from tests.unit.report import matches_samples, samples
from tests.unit.report.anchore_samples import (
    ADVISORIES,
    EVENT,
    IMAGE,
    KNOWN,
    NOON,
    POLICY,
    PROCESSES,
    REGISTRY,
    REPOSITORY,
    SUBSCRIPTION,
    TAG,
    WAITING,
    evaluation,
    plain,
)

_SCRIPT = """
import contextlib, io, json, sys
from anchorecli.cli import utils
config = {"jsonmode": False, "debug": False}
answers = []
for op, params, payload in json.load(sys.stdin):
    told = io.StringIO()
    with contextlib.redirect_stdout(told):
        if op == "exit code":
            text = str(utils.get_eval_ecode(payload, params["digest"]))
        elif op == "error":
            text = utils.format_error_output(config, "image_add", {}, json.dumps(payload))
        else:
            text = utils.format_output(config, op, params, payload)
    answers.append([text, told.getvalue()])
json.dump(answers, sys.stdout)
"""


@pytest.fixture(scope="module")
def interpreter() -> str:
    """An interpreter that has the client."""
    if find_spec("anchorecli") is not None:
        return sys.executable
    named = os.environ.get("HULLMARK_ANCHORECLI", "")
    if not named or not Path(named).exists():
        pytest.skip("anchorecli is not installed, and HULLMARK_ANCHORECLI names no interpreter that has it")
    return named


def shown(interpreter: str, *questions: tuple[str, dict[str, Any], Any]) -> list[str]:
    """What the client prints of each answer. What it cannot print it warns of, and so fails the test."""
    done = subprocess.run(
        [interpreter, "-W", "ignore", "-c", _SCRIPT],
        input=json.dumps([(op, params, plain(payload)) for op, params, payload in questions]),
        capture_output=True,
        text=True,
        timeout=60,
        check=True,
    )
    answers: list[list[str]] = json.loads(done.stdout)
    assert [(op, warning) for (op, _, _), (_, warning) in zip(questions, answers, strict=True) if warning] == []
    return [text for text, _ in answers]


def test_images(interpreter: str) -> None:
    records = [images.image_record(IMAGE), images.image_record(WAITING)]
    got, listed, full = shown(
        interpreter,
        ("image_get", {}, records),
        ("image_list", {"show_all": False, "full": False}, records),
        ("image_list", {"show_all": True, "full": True}, records),
    )
    assert f"Image Digest: {IMAGE.digest}\nParent Digest: {IMAGE.parent_digest}\nAnalysis Status: analyzed" in got
    assert "Distro: debian\nDistro Version: 12\nSize: 1200\nArchitecture: arm64\nLayer Count: 3" in got
    assert "Annotations: ticket=42" in got
    assert "Full Tag: docker.io/library/shop:1.4\nTag Detected At: 2026-01-31T13:00:00Z" in got
    assert listed.count("docker.io/library/shop:1.4") == 1
    assert "localbuild/unnamed:<none>" in full
    assert samples.digest(0xB)[7:] in full


def test_content_and_metadata(interpreter: str) -> None:
    inventory = KNOWN.inventory
    kinds = content.content_types(inventory)
    history = images.history(inventory.config, inventory.source) if inventory.config else b""
    available, dockerfile, _, *lists = shown(
        interpreter,
        ("image_content", {}, kinds),
        ("image_metadata", {"query_type": "dockerfile"}, images.metadata("sha256:1", "dockerfile", "FROM a\n")),
        ("image_metadata", {"query_type": "docker_history"}, images.metadata("sha256:1", "docker_history", history)),
        *(("image_content", {"query_type": kind}, content.content(KNOWN, kind)) for kind in kinds),
    )
    told = dict(zip(kinds, lists, strict=True))
    assert "malware: available" in available
    assert "Metadata: FROM a\n" in dockerfile
    for package in inventory.packages:
        assert any(package.name in text for text in lists), package.name
    assert "Apache-2.0 Artistic GPL-1+" in told["os"]
    assert "/srv/data" in told["files"]
    assert "Eicar" in told["malware"]


def test_vulnerabilities_and_queries(interpreter: str) -> None:
    concerned = vulnerabilities.ConcernedImage(IMAGE, (matches_samples.OPENSSL,), (matches_samples.named("libssl3"),))
    types, listed, by_vulnerability, by_package = shown(
        interpreter,
        ("image_vuln", {}, vulnerabilities.VULNERABILITY_TYPES),
        ("image_vuln", {"query_type": "all"}, vulnerabilities.vulnerabilities(matches_samples.SMALL, "all")),
        (
            "query_images_by_vulnerability",
            {},
            vulnerabilities.images_by_vulnerability([concerned], 1, is_last=True),
        ),
        ("query_images_by_package", {}, vulnerabilities.images_by_package([concerned], 1, is_last=True)),
    )
    assert "non-os: available" in types
    row = next(line for line in listed.splitlines() if "GHSA-jfh8-c2jp-5v3q" in line)
    assert all(word in row for word in ("log4j-core-2.14.1", "Critical", "2.15.0", "CVE-2021-44228", "java", "github:"))
    for text in (by_vulnerability, by_package):
        assert TAG.full in text
        assert "libssl3-1:3.0.11-1~deb12u2" in text
        assert IMAGE.digest in text
    assert "Low" in by_vulnerability


def test_evaluations_and_exit_codes(interpreter: str) -> None:
    digest = IMAGE.digest
    answers = {
        outcome: evaluations.check(
            digest, TAG.full, [evaluation(msgspec.structs.replace(samples.STOP, verdict=outcome))], detail=True
        )
        for outcome in Outcome
    }
    table, short, none, *codes = shown(
        interpreter,
        ("evaluate_check", {"detail": True}, answers[Outcome.STOP]),
        ("evaluate_check", {"detail": False}, evaluations.check(digest, TAG.full, [evaluation(samples.GO)])),
        ("evaluate_check", {"detail": False}, evaluations.check(digest, TAG.full, [])),
        *(("exit code", {"digest": digest}, answers[outcome]) for outcome in Outcome),
    )
    assert "Status: fail" in table
    assert "Final Action: stop" in table
    assert "whitelisted(list)" in table
    assert "SUID or SGID found set on file /srv/data. Mode: 0o4755" in table
    assert "Status: pass\nLast Eval: 2026-01-31T12:00:00Z\nPolicy ID: b1" in short
    assert "no_eval_available" in none
    assert dict(zip(Outcome, codes, strict=True)) == {
        Outcome.GO: "0",
        Outcome.WARN: "0",
        Outcome.STOP: "1",
        Outcome.UNKNOWN: "1",
    }


def test_policies(interpreter: str) -> None:
    known = triggers_by_gate(with_enterprise=False)
    spec = policies.policy_spec([each for gate in known.values() for each in gate.values()], RETIRED)
    added, got, detail, listed, gates, all_gates, triggers, parameters = shown(
        interpreter,
        ("policy_add", {}, policies.policy_record(POLICY, detail=True)),
        ("policy_get", {"detail": False}, [policies.policy_record(POLICY)]),
        ("policy_get", {"detail": True}, [policies.policy_record(POLICY, detail=True)]),
        ("policy_list", {}, [policies.policy_record(POLICY)]),
        ("describe_gates", {"all": False}, spec),
        ("describe_gates", {"all": True}, spec),
        ("describe_gate_triggers", {"gate": "vulnerabilities", "all": True}, spec),
        ("describe_gate_trigger_params", {"gate": "dockerfile", "trigger": "instruction", "all": True}, spec),
    )
    assert added == got
    assert "Policy ID: b1\nActive: True\nSource: local\n" in added
    assert json.loads(detail) == POLICY.document
    assert "b1" in listed
    assert all(name in gates for name in known)
    assert "anchoresec" not in gates
    assert "anchoresec" in all_gates
    assert "stale_feed_data" in triggers
    assert "actual_dockerfile_only" in parameters


def test_subscriptions_and_repositories(interpreter: str) -> None:
    found = subscriptions.subscription(SUBSCRIPTION)
    listed, got, repositories, added = shown(
        interpreter,
        ("subscription_list", {"full": True}, [found, subscriptions.subscription(REPOSITORY)]),
        ("subscription_get", {"full": True}, [found]),
        ("repo_list", {}, [subscriptions.subscription(REPOSITORY)]),
        ("repo_add", {}, [subscriptions.subscription(REPOSITORY)]),
    )
    assert found.subscription_id in listed
    assert got.split()[-5:] == [TAG.full, "policy_eval", "False", found.subscription_id, "team"]
    assert repositories.split()[-3:] == added.split()[-3:] == ["docker.io/library/shop", "True", "2"]


def test_events(interpreter: str) -> None:
    page = events.events([EVENT], 1, is_last=True)
    listed, full, got = shown(
        interpreter,
        ("event_list", {}, page),
        ("event_list_full", {}, page),
        ("event_get", {}, events.event(EVENT)),
    )
    assert "user.image.analysis.completed" in listed
    assert "apiext" in full
    assert "message: done" in got


def test_the_system(interpreter: str) -> None:
    status, feeds, pending, synced, codes, error = shown(
        interpreter,
        ("system_status", {}, system.system_status(PROCESSES, version="1.2.3", schema="0007")),
        ("system_feeds_list", {}, system.feeds(ADVISORIES)),
        ("system_feeds_list", {}, system.feeds(system.AdvisoriesInfo(adopted_at=None, counts={"npm": 0}))),
        ("system_feeds_flush", {}, system.feeds_synced(ADVISORIES, 1.5)),
        ("system_describe_error_codes", {}, system.error_codes()),
        ("error", {}, errors.error_body("no such image", 404)),
    )
    assert status.count(": up") == 5
    assert "Engine DB Version: 0007\nEngine Code Version: 1.2.3" in status
    assert "debian:12" in feeds
    assert "pending" in pending
    assert "1.50s" in synced
    assert all(name in codes for name in system.ERROR_CODES)
    assert error.startswith("Error: no such image\nHTTP Code: 404\nDetail: ")


def test_accounts_and_registries(interpreter: str) -> None:
    account = accounts.account(accounts.AccountInfo(name="team", state="enabled", created_at=NOON, email="a@b.example"))
    user = accounts.user(accounts.UserInfo(name="ann", created_at=NOON))
    whoami, listed, users, got, registries = shown(
        interpreter,
        ("account_whoami", {}, {"user": plain(user), "account": plain(account)}),
        ("account_list", {}, [account, account]),
        ("user_list", {}, [user]),
        ("registry_get", {}, [accounts.registry(REGISTRY)]),
        ("registry_list", {}, [accounts.registry(REGISTRY)]),
    )
    assert whoami.split("\n")[:4] == [
        "Username: ann",
        "AccountName: team",
        "AccountEmail: a@b.example",
        "AccountType: user",
    ]
    assert listed.count("enabled") == 2
    assert "native" in users
    assert "Registry: r.example:5000\nName: r.example:5000\nUser: me\nType: docker_v2\nVerify TLS: True" in got
    assert "r.example:5000" in registries
