"""Gate `passwd_file`: users in the image's passwd(5) file."""

from __future__ import annotations

from collections.abc import Iterable, Iterator
from typing import NamedTuple

from hullmark.policy.anchore.facts import AnchoreFacts
from hullmark.policy.anchore.failure import RuleFailed
from hullmark.policy.anchore.params import Kind, Parameter, Values
from hullmark.policy.anchore.trigger import Answer, Check, Note, Trigger, TriggerMatch
from hullmark.policy.context import Context
from hullmark.policy.gate import Need

_PATH = "/etc/passwd"
_FIELDS = 7


class _Entry(NamedTuple):
    """A line, split at its colons, and its line number."""

    fields: list[str]
    number: int

    @property
    def text(self) -> str:
        return ":".join(self.fields)


def _entries(facts: AnchoreFacts) -> list[_Entry]:
    """The entries. Of several entries for one user, the original (Q35) sees only the last."""
    entries = [_Entry(line.split(":"), number) for number, line in enumerate(facts.passwd_lines, 1)]
    if facts.keeps("Q35"):
        return list({entry.fields[0]: entry for entry in entries}.values())
    return entries


def content_not_available(values: Values, facts: AnchoreFacts) -> Iterator[Answer]:
    """Check whether there are entries."""
    if not facts.passwd_lines:
        message = f"Cannot locate {_PATH} in image stored files archive: check analyzer settings."
        yield TriggerMatch(message=message, subject=_PATH)


def _field(number: int, parameter: str, word: str) -> Check:
    """Build the check that compares one field with a list."""

    def check(values: Values, facts: AnchoreFacts) -> Iterator[Answer]:
        for entry in _entries(facts):
            if len(entry.fields) <= number:
                short = f"line {entry.number} of {_PATH} has {len(entry.fields)} fields instead of {_FIELDS}"
                if facts.keeps("Q17"):
                    raise RuleFailed(short)
                yield Note(short, _PATH)
            elif entry.fields[number] in values.texts(parameter):
                message = f"Blacklisted {word} '{entry.fields[number]}' found in image's {_PATH}: pentry={entry.text}"
                yield _make_trigger_match(message, entry, facts)

    return check


def full_entry(values: Values, facts: AnchoreFacts) -> Iterator[Answer]:
    """Compare whole lines."""
    wanted = values.text("entry").strip()
    for entry in _entries(facts):
        if entry.text == wanted:
            message = f"Blacklisted pentry '{wanted}' found in image's {_PATH}: pentry={wanted}"
            yield _make_trigger_match(message, entry, facts)


def _make_trigger_match(message: str, entry: _Entry, facts: AnchoreFacts) -> TriggerMatch:
    user = entry.fields[0]
    return TriggerMatch(message=message, subject=f"{_PATH} {user}", evidence=facts.at(_PATH, f"line {entry.number}"))


def _passwd(values: Values, context: Context) -> Iterable[str]:
    return (_PATH,) if _PATH in context.retrieve_files else ()


def _trigger(name: str, check: Check, parameter: Parameter | None, about: str) -> Trigger:
    return Trigger(
        gate="passwd_file",
        name=name,
        check=check,
        needs=frozenset((Need.FILES,)),
        contents=_passwd,
        parameters=(parameter,) if parameter is not None else (),
        about=about,
    )


def _make_list_parameter(name: str, kind: Kind = Kind.TEXTS, alias: str = "") -> Parameter:
    return Parameter(name=name, kind=kind, is_required=True, aliases=(alias,) if alias else ())


TRIGGERS = (
    _trigger("content_not_available", content_not_available, None, f"Fires if {_PATH} is not there."),
    _trigger(
        "blacklist_usernames",
        _field(0, "user_names", "user"),
        _make_list_parameter("user_names", alias="usernameblacklist"),
        "Fires for each user of one of these names.",
    ),
    _trigger(
        "blacklist_userids",
        _field(2, "user_ids", "uid"),
        _make_list_parameter("user_ids", Kind.INTEGERS, "useridblacklist"),
        "Fires for each user of one of these numbers.",
    ),
    _trigger(
        "blacklist_groupids",
        _field(3, "group_ids", "gid"),
        _make_list_parameter("group_ids", Kind.INTEGERS, "groupidblacklist"),
        "Fires for each user whose group has one of these numbers.",
    ),
    _trigger(
        "blacklist_shells",
        _field(6, "shells", "shell"),
        _make_list_parameter("shells", alias="shellblacklist"),
        "Fires for each user with one of these shells.",
    ),
    _trigger(
        "blacklist_full_entry",
        full_entry,
        _make_list_parameter("entry", Kind.TEXT, "pentryblacklist"),
        "Fires for each line that is exactly this.",
    ),
)
