"""What people read of one finding: what it is, by which rule, where in the image, since when, and what to do about it.

All of it is plain text, still to be made harmless by whoever writes it down. What is too long ends between two words, so that no
name is cut.
"""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from datetime import UTC, datetime

import msgspec

from hullmark.model.limit import Limit
from hullmark.model.notice import Evidence, Item, Notice
from hullmark.model.purl import unquote
from hullmark.report.matches_words import reach_clause

_OF_DISTRIBUTIONS = ("deb", "rpm", "apk", "alpm")
_MOST_WHAT, _MOST_NAME, _MOST_PATH, _MOST_STEP, _MOST_ADVICE, _MOST_REACH = 300, 100, 300, 100, 300, 300
_SHELL = ("/bin/sh -c #(nop) ", "/bin/sh -c ")
_NOTHING = "nothing, it is gone"
_MEANWHILE = "nothing while that holds"
_ELSE = "change what it names, or except it for a time with an owner and a reason"


class Details(msgspec.Struct, frozen=True, kw_only=True):
    """A finding in words: each part may be "". `rest` are all parts but `what`, as one text."""

    what: str
    rule: str
    place: str
    since: str
    advice: str
    reach: str = ""

    @property
    def rest(self) -> str:
        """Rule, place, whether it is reached, since when, and what to do."""
        about = ", ".join(filter(None, (self.rule, self.place, self.reach, self.since)))
        return ". ".join(filter(None, (about, f"To do: {self.advice}" if self.advice else "")))


def package_in(text: str) -> tuple[str, str]:
    """Name and version of a package, if it is written as a purl; else the text, and ""."""
    if not text.startswith("pkg:"):
        return text, ""
    type, _, path = text[len("pkg:") :].partition("?")[0].partition("#")[0].partition("/")
    path, _, version = path.rpartition("@") if "@" in path else (path, "", "")
    # For these the namespace is only the distribution.
    name = path.rpartition("/")[2] if type in _OF_DISTRIBUTIONS else path
    return unquote(name), unquote(version)


def whole_words(text: str, most: int) -> str:
    """The text in at most `most` characters, cut between two words. Only a word that is longer than all of it is cut itself."""
    if len(text) <= most:
        return text
    return f"{text[: end_of_word(text, most - 1)].rstrip()}…"


def end_of_word(text: str, most: int) -> int:
    """Where the last word ends that fits into so many characters; `most` if not even the first one does."""
    if most >= len(text) or text[most].isspace():
        return min(most, len(text))
    end = text.rfind(" ", 0, most + 1)
    return end if end > 0 else most


def mending(name: str, state: str, version: str) -> str:
    """What mends a vulnerability of a package, as a clause. `state` is that of its fix, `version` the one with it ("": none is known)."""
    if version:
        return f"update {name} to {version}"
    without = f"remove {name}, or state why it is not affected (VEX)"
    if state == "wont-fix":
        return f"its supplier will not fix it: {without}"
    return f"there is no version without it yet: {without}, or except it for a time"


def details_of(evidence: Evidence, *, has_place: bool = True) -> Details:
    """The words of a finding that came, went, or is still there and counts less. `has_place`: of one image, with its place and time."""
    return Details(
        what=_headline(evidence),
        rule=f"rule {whole_words(evidence.rule, _MOST_NAME)}" if evidence.rule else "",
        place=place_of(evidence) if has_place else "",
        since=since_of(evidence) if has_place else "",
        advice="" if _is_said(evidence) else _advice(evidence),
        reach=reach_of(evidence) if has_place else "",
    )


def _is_said(evidence: Evidence) -> bool:
    """Whether the finding's own sentence names the version to update to."""
    return evidence.is_gained and bool(evidence.fix_version) and evidence.fix_version in _what(evidence)


def _headline(evidence: Evidence) -> str:
    what = _what(evidence)
    if not what:
        return ""
    if evidence.is_gained:
        return what
    return f"{what}: {whole_words(evidence.standing, 200)}" if evidence.standing else f"no longer: {what}"


def _what(evidence: Evidence) -> str:
    """The advisory with its package, else the finding's sentence, else what it is about."""
    name, version = package_in(evidence.package)
    if evidence.advisory and name and (version or not evidence.message):
        severity = f" ({evidence.severity})" if evidence.severity != "unknown" else ""
        return whole_words(f"{evidence.advisory} in {f'{name} {version}'.strip()}", _MOST_WHAT) + severity
    words = evidence.message.strip().removesuffix(".")
    named = " ".join(filter(None, (evidence.advisory, evidence.subject if not words else "")))
    if words and evidence.advisory in words:
        named = ""
    return whole_words(": ".join(filter(None, (named, words))) or evidence.rule or evidence.path, _MOST_WHAT)


def place_of(evidence: Evidence) -> str:
    """Where it is seen in the image: path, layer and the instruction that made that; "" if nothing of it is known."""
    step = whole_words(instruction(evidence.instruction), _MOST_STEP)
    words = [f"at {whole_words(evidence.path, _MOST_PATH)}"] if evidence.path else []
    if evidence.layer >= 0:
        words.append(f"in layer {evidence.layer}" + (f" ({step})" if step else ""))
    elif step:
        words.append(f"in the instruction {step}")
    if not words and evidence.detail and not evidence.package:
        words.append(f"in the image as a whole ({whole_words(evidence.detail, _MOST_PATH)})")
    if words and evidence.more_places:
        words.append(f"and in {evidence.more_places} more {'place' if evidence.more_places == 1 else 'places'}")
    return " ".join(words)


def reach_of(evidence: Evidence) -> str:
    """Whether the image's start reaches the package, and how, as a clause; "" where that is not known to be looked for."""
    found = evidence.reach
    if found is None or not evidence.is_gained:
        return ""
    return whole_words(reach_clause(found), _MOST_REACH)


def instruction(created_by: str) -> str:
    """A layer's instruction as people wrote it, without what builders put around it."""
    text = " ".join(created_by.split()).removesuffix(" # buildkit").removeprefix("|0 ")
    for shell in _SHELL:
        if text.startswith(shell):
            return text[len(shell) :] if shell.endswith("(nop) ") else f"RUN {text[len(shell) :]}"
    return text.replace("RUN /bin/sh -c ", "RUN ", 1)


def since_of(evidence: Evidence) -> str:
    """Since when it is so: known of the image, or gone; "" if that is not known."""
    return f"since {at_minute(evidence.since)}" if evidence.since is not None else ""


def at_minute(at: datetime) -> str:
    """A moment as people read it."""
    return f"{at.astimezone(UTC):%Y-%m-%d %H:%M} UTC"


def _advice(evidence: Evidence) -> str:
    if not evidence.is_gained:
        if not evidence.standing:
            return _NOTHING
        return f"{_MEANWHILE} (it is fixed in {evidence.fix_version})" if evidence.fix_version else _MEANWHILE
    if evidence.advice:
        return whole_words(evidence.advice.strip().removesuffix("."), _MOST_ADVICE)
    name, _ = package_in(evidence.package)
    if evidence.advisory and name:
        return mending(name, evidence.fix_state, evidence.fix_version)
    return _ELSE if evidence.rule else ""


# Of one image, or of many


def is_of_one(notice: Notice) -> bool:
    """Whether all of a notice is about one image: then its findings have one place."""
    return notice.count <= len(notice.items) and len({item.image or item.reference for item in notice.items}) <= 1


def findings_of(notice: Notice) -> tuple[Evidence, ...]:
    """The findings that a notice tells of, without repeats. Of one image they are that image's own; of many those of the cause."""
    of_items = _once(found for item in told_items(notice) for found in item.evidence)
    if is_of_one(notice) and of_items:
        return _once((*of_items, *(found for found in notice.cause.evidence)))
    return _once(notice.cause.evidence) or of_items


def told_items(notice: Notice) -> Sequence[Item]:
    """The items that say something: that a tag moved is said by what was found behind it, where that is there."""
    is_judged = any(item.policy for item in notice.items)
    return [item for item in notice.items if not (is_judged and item.kind == "tag.moved" and not item.policy)]


def _once(found: Iterable[Evidence]) -> tuple[Evidence, ...]:
    """Each finding once, whatever is known of where it is seen: as it stands first."""
    known: dict[tuple[object, ...], Evidence] = {}
    for evidence in found:
        about = (evidence.advisory, evidence.package) if evidence.advisory else (evidence.subject, evidence.message)
        known.setdefault((evidence.rule, about, evidence.is_gained, evidence.standing), evidence)
    return tuple(known.values())


def where_in(item: Item) -> str:
    """Where in its image, whether the start reaches that, and since when the first finding of an item is seen; "" if none is known."""
    seen = next((found for found in item.evidence if place_of(found)), None)
    if seen is None:
        seen = next((found for found in item.evidence if found.since is not None or reach_of(found)), None)
    if seen is None:
        return ""
    more = more_findings(len(item.evidence) - 1) if len(item.evidence) > 1 else ""
    return ", ".join(filter(None, (place_of(seen), reach_of(seen), since_of(seen), more)))


def more_findings(count: int) -> str:
    """That so many are not shown."""
    return f"and {count} more {'finding' if count == 1 else 'findings'}"


_MOST_PLACES = Limit(3, "places that a message names with an image; all are counted", "shortened")


def running_at(item: Item) -> str:
    """Where the image of an item runs and how well it is kept apart there, as a clause; "" if it does not run."""
    if not item.places:
        return "running" if item.is_deployed else ""
    named = item.places[:_MOST_PLACES]
    words = [f"{whole_words(place.name, _MOST_PATH)}{f' ({place.grade})' if place.grade else ''}" for place in named]
    more = item.place_count - len(named)
    return f"running at {', '.join(words)}{f' and {more} more places' if more > 1 else ' and 1 more place' if more else ''}"
