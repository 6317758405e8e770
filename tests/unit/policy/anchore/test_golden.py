"""The golden cases: as the original under `compat`; under `native` the same, but for what the table of quirks says."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import pytest

from tests.support.anchore import by_program, cases, differences, expected_in_short, in_process, in_short
from tests.support.places import shared
from tests.support.program import program_in

_Short = tuple[str, list[tuple[str, str, str]]]

PORT = ("stop", "dockerfile", "exposed_ports")
INSTRUCTION = ("stop", "dockerfile", "instruction")
LICENCE = ("stop", "licenses", "blacklist_exact_match")
VULNERABILITY = ("stop", "vulnerabilities", "package")
UID = ("stop", "passwd_file", "blacklist_userids")
SECRET = ("stop", "secret_scans", "content_regex_checks")
PASSES: _Short = ("go", [])
REFUSED: _Short = ("stop", [])


def stops(*findings: tuple[str, str, str]) -> _Short:
    """A stop with these findings."""
    return "stop", sorted(findings)


DIFFERS: dict[str, dict[str, _Short]] = {
    "Q1: what no mapping fits stops": {"map-tag-no": REFUSED, "map-empty": REFUSED, "inv-mappings-missing": REFUSED},
    "Q4: a missing list is an empty one": {
        "inv-whitelist-ids-null": stops(("stop", "always", "always")),
        "inv-rules-null": PASSES,
    },
    "Q7: lines are continued": {"df-instr-continuation-hidden-user": PASSES},
    "Q8: instructions in any case": {"df-instr-enum-lower": stops(INSTRUCTION, INSTRUCTION)},
    "Q9: keywords in any case": {"df-user-lower-keyword": stops(("stop", "dockerfile", "effective_user"))},
    "Q10: ports are a set": {"df-ports-wl-range-dup": stops(PORT, PORT)},
    "Q11: 0 is any port": {"df-ports-bl-zero": stops(PORT)},
    "Q13: versions are compared as versions, units in any case": {
        "meta-version-string-lt": PASSES,
        "meta-size-upper-unit": PASSES,
    },
    "Q14: lines count": {"rfile-no-match-line": PASSES},
    "Q16: names are whole": {"secret-name-substring": PASSES},
    "Q17: a bad line is left out": {
        "passwd-uid-blank-line": stops(UID),
        "passwd-shell-short-line": stops(("stop", "passwd_file", "blacklist_shells")),
        # The same line again, in a case that is there for what becomes of the other rules.
        "dec-crash-and-findings": stops(UID, ("go", "always", "always")),
    },
    "Q19: a finding for each package and licence": {
        "lic-exact-two": stops(LICENCE, LICENCE),
        "lic-exact-second-package-changes-id": stops(LICENCE, LICENCE),
    },
    "Q20: numbers are taken": {"inv-string-json-number": PASSES},
    "Q21: retired gates are refused": {"eol-anchoresec": REFUSED, "eol-suiddiff": REFUSED},
    "Q23: only the last stage counts": {"df-instr-multi-stage-from": PASSES, "df-user-multi-stage": PASSES},
    "Q24: the image's settings count": {
        "df-user-config-user-ignored": PASSES,
        "dec-combined-guessed": stops(
            PORT, SECRET, VULNERABILITY, ("warn", *INSTRUCTION[1:]), ("warn", "files", "suid_or_guid_set")
        ),
    },
    "Q25: BuildKit's history is read": {"df-instr-guessed-buildkit-expose": stops(INSTRUCTION)},
    "Q26: a rule that can never fire is refused": {"files-attr-nothing-to-check": REFUSED},
    "Q29: every kind of version is compared": {"pkg-req-min-language": PASSES},
    "Q30: folders end at a slash": {"pkg-verify-dir-boundary-exact": PASSES},
    "Q32: newer means newer": {"npm-newer-downgrade": PASSES},
    "Q34: without packages no feed is missed": {"npm-feed-missing-no-packages": PASSES},
    "Q36: a missing score is not a score": {"vuln-pkg-cvss-base-lt-missing": stops(VULNERABILITY, VULNERABILITY)},
    "Q39: what is not known is told": {"vuln-pkg-fix-age-unknown": ("unknown", [])},
    "QS1: a link is not a file": {"pkg-verify-symlink": stops(("stop", "packages", "verify"))},
    "QS2: larger files are searched": {"secret-big-file-skipped": stops(SECRET)},
}
NATIVE = {name: short for quirk in DIFFERS.values() for name, short in quirk.items()}


@pytest.mark.parametrize("name", cases())
def test_compat_gives_the_originals_verdict_messages_and_ids(name: str, tmp_path: Path) -> None:
    case = cases()[name]
    assert differences(case, in_process(case, "compat", tmp_path)) == []


@pytest.mark.parametrize("name", cases())
def test_native_differs_as_the_table_says_and_nowhere_else(name: str, tmp_path: Path) -> None:
    case = cases()[name]
    expected = NATIVE.get(name, expected_in_short(case))
    assert in_short(in_process(case, "native", tmp_path)) == expected


def test_only_cases_marked_so_differ_but_for_one_that_repeats_another() -> None:
    shared("conformance")
    unmarked = {name for name in NATIVE if not cases()[name]["compat_only"]}
    assert unmarked == {"dec-crash-and-findings"}
    assert cases()["dec-crash-and-findings"]["image"] == cases()["passwd-uid-blank-line"]["image"]


@pytest.mark.parametrize(
    "name", ["dec-combined-guessed", "vuln-pkg-times-and-scores", "list-both-digest", "map-no-tag-wildcards"]
)
def test_the_program_says_the_same(name: str, tmp_path: Path) -> None:
    shared("conformance")
    case = cases()[name]
    assert differences(case, by_program(case, "compat", tmp_path, program_in(tmp_path / "run"))) == []


def _findings(name: str, profile: str, folder: Path) -> list[dict[str, Any]]:
    shared("conformance")
    found: list[dict[str, Any]] = in_process(cases()[name], profile, folder)["findings"]
    return found


def test_q40_copies_of_a_package_have_stable_ids_of_their_own(tmp_path: Path) -> None:
    found = _findings("vuln-pkg-same-name-id-npm", "native", tmp_path)
    assert len({each["trigger_id"] for each in found}) == 2
    assert {each["legacy_id"] for each in found} == {"CVE-2099-0011+lodash"}


def test_q15_a_missing_file_is_named_and_keeps_its_legacy_id(tmp_path: Path) -> None:
    (found,) = _findings("rfile-other-path-same-id", "native", tmp_path)
    assert found["subject"] == "/etc/other"
    assert found["legacy_id"] == "013ff87ce9b12826800438355925acd3"


def test_q28_the_message_names_the_version_and_the_legacy_id_stays(tmp_path: Path) -> None:
    (native,) = _findings("pkg-req-exact-differs", "native", tmp_path / "a")
    (compat,) = _findings("pkg-req-exact-differs", "compat", tmp_path / "b")
    assert native["message"].endswith("specified in policy (7.88.1)")
    assert compat["message"].endswith("specified in policy (curl)")
    assert native["legacy_id"] == compat["trigger_id"]


def test_both_profiles_give_both_ids(tmp_path: Path) -> None:
    (native,) = _findings("files-name-directory", "native", tmp_path / "a")
    (compat,) = _findings("files-name-directory", "compat", tmp_path / "b")
    assert (native["legacy_id"], native["stable_id"]) == (compat["legacy_id"], compat["stable_id"])
    assert native["trigger_id"] == native["stable_id"] != compat["trigger_id"] == compat["legacy_id"]
