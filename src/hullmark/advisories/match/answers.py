"""What a snapshot answers to the look-ups of many packages: each question is put once, whoever asks it."""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Sequence

from hullmark.advisories.match.advisory_source import AdvisorySource, Ask, Hit
from hullmark.advisories.match.lookups import Lookup
from hullmark.advisories.match.named import shown_id
from hullmark.model.limit import Limit
from hullmark.model.package import UNKNOWN_VERSION, Package
from hullmark.versions.ranges import is_version

Answer = tuple[Lookup, Hit]
"""A look-up, and one of the parts of advisories that it led to."""

Question = tuple[Package, Sequence[Lookup]]
"""A package and its look-ups."""

_MOST_NAMED = Limit(3, "advisories that are named as the reason why a match does not count", "shortened")


def answer_questions(
    advisories: AdvisorySource, questions: Sequence[Question]
) -> Iterator[tuple[Package, list[Answer]]]:
    """The packages that advisories are about, with what they say, in the order of the questions and of each package's look-ups."""
    asks = list({lookup.ask: None for _, lookups in questions for lookup in lookups})
    found: dict[Ask, list[Hit]] = {}
    for hit in advisories.hits(asks):
        found.setdefault(asks[hit.ask], []).append(hit)
    for package, lookups in questions:
        answers = [(lookup, hit) for lookup in lookups if lookup.ask in found for hit in found[lookup.ask]]
        if answers:
            yield package, answers


def split(package: Package, answers: list[Answer]) -> tuple[list[Answer], str]:
    """The answers that the package's version can be compared with, and why it cannot with the others ("" if there are none)."""
    if package.version == UNKNOWN_VERSION:
        return [], f"its version is not known, and advisories speak of it ({_names(answers)})"
    asks = {lookup.ask for lookup, _ in answers}
    refused = {ask for ask in asks if not is_version(ask.version, ask.scheme)}
    if not refused:
        return answers, ""
    left = [answer for answer in answers if answer[0].ask not in refused]
    about = [answer for answer in answers if answer[0].ask in refused]
    scheme = about[0][0].ask.scheme
    return left, f"its version is not one of {scheme}'s, and advisories speak of it ({_names(about)})"


def format_advisories(hits: Iterable[Hit]) -> str:
    """The advisories of some hits, for people; the first three where there are more."""
    return ", ".join(sorted({shown_id(hit.advisory) for hit in hits})[:_MOST_NAMED])


def _names(answers: Iterable[Answer]) -> str:
    return format_advisories(hit for _, hit in answers)
