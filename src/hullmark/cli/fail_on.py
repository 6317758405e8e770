"""`--fail-on`: the exit status that matches lead to."""

from __future__ import annotations

import argparse
from typing import TYPE_CHECKING, Any, cast

if TYPE_CHECKING:
    from collections.abc import Callable, Iterable, Sequence

    from hullmark.model.advisory import Severity
    from hullmark.model.difference import ImageDifference
    from hullmark.model.malware import ImageMalware
    from hullmark.model.match import Match, Matches
    from hullmark.model.secret import ImageSecrets
    from hullmark.model.upkeep import Upkeep
    from hullmark.report.matches_json import MatchesJson, MatchJson

_SEVERITIES = ("negligible", "low", "medium", "high", "critical")
_CONDITIONS = (*_SEVERITIES, "unrated", "any", "fixable", "kev", "unknown", "eol")
_MET, _CANNOT_TELL = 1, 3


def add_fail_on(parser: argparse.ArgumentParser, known: str) -> None:
    """The option, for what is found that is not a vulnerability."""
    text = f"{known}; several with commas (default: what is found does not change the exit status)"
    group = parser.add_argument_group("when to fail (status 1; 3 if that cannot be told)")
    group.add_argument("--fail-on", metavar="WHAT", default="", help=text)


def _words(text: str, known: tuple[str, ...]) -> list[Any]:
    from hullmark.model.errors import HullmarkError

    words = [word.strip().lower() for word in text.split(",") if word.strip()]
    for word in words:
        if word not in known:
            from difflib import get_close_matches

            near = get_close_matches(word, known, 1)
            meant = f": {near[0]}?" if near else ""
            raise HullmarkError(f"--fail-on: there is no {word!r}{meant}", advice=f"known are {', '.join(known)}")
    return words


def worst(statuses: Iterable[int]) -> int:
    """Of several sources' exit statuses, that of all: 1 where --fail-on is met, else 3 where it cannot be told."""
    return max(statuses, key=(0, _CANNOT_TELL, _MET).index, default=0)


def _is_open(result: Matches | MatchesJson) -> bool:
    """Whether something may be wrong that cannot be told: of a package, of a namespace, or of what could not be looked at."""
    from hullmark.model.problem import OPEN

    problems = any(problem.kind in OPEN for problem in result.problems)
    return bool(result.unknown or result.uncovered or problems)


def condition(arguments: argparse.Namespace) -> Callable[[Matches | MatchesJson], int]:
    """The exit status by --fail-on, of matches or the document that is made of them. Raises HullmarkError for an unknown word.

    What nobody rated may be of any severity: where nothing else meets the one that is asked for, that cannot be told.
    """
    from hullmark.advisories.match.risk import is_at_least

    words = _words(arguments.fail_on, _CONDITIONS)
    floors = [word for word in words if word in _SEVERITIES]

    def counts(match: Match | MatchJson) -> bool:
        return match.suppressed is None and (match.kind != "cpe" or arguments.fail_on_cpe)

    def meets(match: Match | MatchJson) -> bool:
        return (
            "any" in words
            or ("unrated" in words and match.advisory.severity == "unknown")
            or ("kev" in words and match.advisory.kev is not None)
            or ("fixable" in words and match.fix.state == "fixed")
            or any(is_at_least(cast("Severity", match.advisory.severity), floor) for floor in floors)
        )

    def status_of(result: Matches | MatchesJson) -> int:
        if "unknown" in words and _is_open(result):
            return _report_failure(arguments.fail_on, "not everything can be told of the packages")
        if "eol" in words and any("end of life" in problem.reason for problem in result.problems):
            return _report_failure(arguments.fail_on, "the distribution is at its end of life")
        found = [match for match in result.matches if counts(match)]
        if meeting := sum(map(meets, found)):
            return _report_failure(arguments.fail_on, f"{meeting:,} match{'es' * (meeting > 1)} of {len(found):,}")
        unrated = sum(match.advisory.severity == "unknown" for match in found)
        gap = result.snapshot.exploited_gap if result.snapshot is not None else ""
        if "kev" in words and gap and any(match.advisory.cve for match in found):
            return _cannot_tell_of_exploitation(gap)
        return _cannot_tell(unrated, floors) if floors and unrated else 0

    return status_of


def upkeep_condition(text: str) -> Callable[[Upkeep], int]:
    """The exit status by --fail-on, of updates. Raises HullmarkError for an unknown word."""
    words = _words(text, ("updates", "security"))

    def status_of(upkeep: Upkeep) -> int:
        meeting = sum("updates" in words or update.is_security for update in upkeep.updates)
        if not words:
            return 0
        if meeting:
            return _report_failure(text, f"{meeting:,} update{'s' * (meeting > 1)}")
        return _untold(text, "not all lists of packages could be read") if upkeep.is_open else 0

    return status_of


def difference_condition(text: str) -> Callable[[ImageDifference], int]:
    """The exit status by --fail-on, of the vulnerabilities that the second image alone has. Raises HullmarkError for a word that
    is not known.

    Without advisories, or where not all packages of the second image could be seen, that cannot be told, unless it is met.
    """
    from hullmark.advisories.match.risk import is_at_least

    words = _words(text, tuple(f"new-{word}" for word in (*_SEVERITIES, "kev", "fixable", "any")))
    floors = [word for word in (word.removeprefix("new-") for word in words) if word in _SEVERITIES]

    def meets(match: Match) -> bool:
        return (
            "new-any" in words
            or ("new-kev" in words and match.advisory.kev is not None)
            or ("new-fixable" in words and match.fix.state == "fixed")
            or any(is_at_least(match.advisory.severity, floor) for floor in floors)
        )

    def status_of(difference: ImageDifference) -> int:
        found = difference.vulnerabilities
        if not words:
            return 0
        if found is None:
            return _untold(text, "there is no database of advisories here (hullmark db update)")
        come = [match for match in found.come if match.kind != "cpe"]
        if meeting := sum(map(meets, come)):
            return _report_failure(text, f"{meeting:,} of {len(come):,} new match{'es' * (len(come) > 1)}")
        if any(p.kind == "unseen" and (not p.facts or "packages" in p.facts) for p in difference.after_problems):
            return _untold(text, "not all packages of the second image could be seen")
        if "new-kev" in words and found.snapshot is not None and found.snapshot.exploited_gap and come:
            return _untold(text, found.snapshot.exploited_gap)
        unrated = sum(match.advisory.severity == "unknown" for match in come)
        if floors and unrated:
            return _untold(text, f"nobody rated {unrated:,} of {len(come):,} new match{'es' * (len(come) > 1)}")
        return 0

    return status_of


def _untold(asked: str, reason: str) -> int:
    import sys

    sys.stderr.write(f"hullmark: whether --fail-on {asked} is met cannot be told: {reason}\n")
    return _CANNOT_TELL


def secrets_condition(text: str) -> Callable[[ImageSecrets], int]:
    """The exit status by --fail-on, of the secrets that count. Raises HullmarkError for an unknown word."""
    from hullmark.advisories.match.risk import is_at_least

    words = _words(text, (*_SEVERITIES, "any", "unknown"))
    floors = [word for word in words if word in _SEVERITIES]

    def status_of(result: ImageSecrets) -> int:
        found = [secret for secret in result.secrets if not secret.allowed]
        meeting = sum(
            "any" in words or any(is_at_least(vulnerability.severity, floor) for floor in floors)
            for vulnerability in found
        )
        if meeting:
            return _report_failure(text, f"{meeting:,} of {len(found):,} secret{'s' * (len(found) > 1)}")
        return _not_looked_at(text, words, "searched") if any(problem.is_open for problem in result.problems) else 0

    return status_of


def malware_condition(text: str) -> Callable[[ImageMalware], int]:
    """The exit status by --fail-on, of what scanners say. Raises HullmarkError for an unknown word."""
    words = _words(text, ("any", "unknown"))

    def status_of(result: ImageMalware) -> int:
        scan = result.scan
        if "any" in words and scan.infections:
            return _report_failure(
                text, f"{len(scan.infections):,} report{'s' * (len(scan.infections) > 1)} of malware"
            )
        is_open = bool(scan.unscanned) or not scan.is_run or any(problem.is_open for problem in result.problems)
        return _not_looked_at(text, words, "scanned") if is_open else 0

    return status_of


def _not_looked_at(text: str, words: Sequence[str], done: str) -> int:
    """The status where nothing was found that counts, but not everything was looked at."""
    if not words:
        return 0
    if "unknown" in words:
        return _report_failure(text, f"not everything could be {done}")
    return _untold(text, f"not everything could be {done}")


def _report_failure(asked: str, reason: str) -> int:
    """Say on standard error why the status is 1: it may be all that is read of a step in a pipeline."""
    import sys

    sys.stderr.write(f"hullmark: --fail-on {asked} is met: {reason}\n")
    return _MET


def _cannot_tell_of_exploitation(gap: str) -> int:
    return _untold("kev", gap)


def _cannot_tell(unrated: int, floors: Sequence[str]) -> int:
    import sys

    which = "1 vulnerability has" if unrated == 1 else f"{unrated} vulnerabilities have"
    sys.stderr.write(
        f"hullmark: {which} no severity by anybody: whether --fail-on {','.join(floors)} is met cannot be told\n"
    )
    sys.stderr.write("hullmark: --fail-on unrated fails on them, --ignore sets them aside\n")
    return _CANNOT_TELL
