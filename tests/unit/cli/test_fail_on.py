"""`--fail-on` of `secrets`, `malware` and `diff`: without it nothing that is found changes the exit status."""

from __future__ import annotations

from typing import Any

import pytest

from hullmark.cli.fail_on import difference_condition, malware_condition, secrets_condition
from hullmark.model.difference import ImageDifference
from hullmark.model.errors import HullmarkError
from hullmark.model.malware import Engine, ImageMalware, Infection, MalwareScan, UnscannedFile
from hullmark.model.problem import Problem
from hullmark.model.secret import ImageSecrets
from tests.unit.report.difference_samples import DIFFERENCES
from tests.unit.report.facet_samples import SECRETS
from tests.unit.report.matches_samples import match
from tests.unit.report.samples import PACKAGES, SOURCE

UNSEEN = Problem("/a.zip", 0, "secrets", "it is encrypted")
NOTE = Problem("/", -1, "secrets", "manual pages were not searched", "note")
ENGINE = Engine(name="clamav", version="1", signatures="1")
FOUND = Infection(path="/a", layer=0, inner="", engine="clamav", signature="Eicar", is_ghost=False)
LEFT = UnscannedFile(path="/b", layer=0, engine="clamav", reason="it is too large")


def secrets(*severities: Any, allowed: str = "", problems: tuple[Problem, ...] = ()) -> ImageSecrets:
    sample = SECRETS["odd"].secrets[0]
    from msgspec.structs import replace

    found = tuple(replace(sample, severity=severity, allowed=allowed) for severity in severities)
    return ImageSecrets(source=SOURCE, secrets=found, problems=problems)


@pytest.mark.parametrize(
    ("words", "result", "status", "said"),
    [
        ("", secrets("critical"), 0, ""),
        ("", secrets(problems=(UNSEEN,)), 0, ""),
        ("any", secrets("low"), 1, "--fail-on any is met: 1 of 1 secret"),
        ("high", secrets("low", "high", "critical"), 1, "--fail-on high is met: 2 of 3 secrets"),
        ("high", secrets("low"), 0, ""),
        ("any", secrets("high", allowed="tests"), 0, ""),
        ("any", secrets(problems=(NOTE,)), 0, ""),
        (
            "any",
            secrets(problems=(UNSEEN,)),
            3,
            "whether --fail-on any is met cannot be told: not everything could be searched",
        ),
        (
            "any,unknown",
            secrets(problems=(UNSEEN,)),
            1,
            "--fail-on any,unknown is met: not everything could be searched",
        ),
    ],
)
def test_secrets_fail_on_what_is_asked_for(
    words: str, result: ImageSecrets, status: int, said: str, capsys: pytest.CaptureFixture[str]
) -> None:
    assert secrets_condition(words)(result) == status
    assert capsys.readouterr().err == (f"hullmark: {said}\n" if said else "")


@pytest.mark.parametrize(
    ("words", "scan", "status"),
    [
        ("", MalwareScan(engines=(ENGINE,), infections=(FOUND,)), 0),
        ("", MalwareScan(engines=()), 0),
        ("any", MalwareScan(engines=(ENGINE,), infections=(FOUND,)), 1),
        ("any", MalwareScan(engines=(ENGINE,)), 0),
        ("any", MalwareScan(engines=()), 3),
        ("any", MalwareScan(engines=(ENGINE,), unscanned=(LEFT,), unscanned_count=1), 3),
        ("unknown", MalwareScan(engines=(ENGINE,), infections=(FOUND,)), 0),
        ("unknown", MalwareScan(engines=(ENGINE,), unscanned=(LEFT,), unscanned_count=1), 1),
    ],
)
def test_malware_fails_on_what_is_asked_for(words: str, scan: MalwareScan, status: int) -> None:
    assert malware_condition(words)(ImageMalware(source=SOURCE, scan=scan, problems=())) == status


@pytest.mark.parametrize("condition", [secrets_condition, malware_condition])
def test_a_word_that_is_none_is_refused(condition: Any) -> None:
    with pytest.raises(HullmarkError, match="there is no 'worst'"):
        condition("worst")


def difference(*severities: Any, kind: str = "direct", problems: tuple[Problem, ...] = ()) -> ImageDifference:
    from msgspec.structs import replace

    come = tuple(match(PACKAGES[0], f"CVE-2024-{n}", word, kind=kind) for n, word in enumerate(severities))
    sample = DIFFERENCES["small"]
    assert sample.vulnerabilities is not None
    return replace(sample, vulnerabilities=replace(sample.vulnerabilities, come=come), after_problems=problems)


UNREAD = Problem("/var/lib/dpkg/status", 0, "dpkg", "it is too large", facts=("packages",))
UNREAD_FILE = Problem("/a.zip", 0, "secrets", "it is encrypted", facts=("secrets",))


@pytest.mark.parametrize(
    ("words", "result", "status"),
    [
        ("", difference("critical"), 0),
        ("new-critical", difference("high"), 0),
        ("new-high", difference("high", "critical"), 1),
        ("new-any", difference("low"), 1),
        ("new-any", difference(), 0),
        ("new-any", difference("high", kind="cpe"), 0),
        ("new-fixable", difference("high"), 0),
        ("new-high", difference("low", "unknown"), 3),
        ("new-high", difference("high", problems=(UNREAD,)), 1),
        ("new-high", difference(problems=(UNREAD,)), 3),
        ("new-high", difference(problems=(UNREAD_FILE, NOTE)), 0),
        ("new-kev", DIFFERENCES["small"], 1),
        ("new-critical", DIFFERENCES["same"], 3),
    ],
)
def test_a_difference_fails_on_what_is_new(
    words: str, result: ImageDifference, status: int, capsys: pytest.CaptureFixture[str]
) -> None:
    assert difference_condition(words)(result) == status
    said = capsys.readouterr().err
    assert said.startswith(("", "hullmark: --fail-on", "", "hullmark: whether --fail-on")[status])
    assert bool(said) == bool(status)
