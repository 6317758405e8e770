"""Gate `files`: names, contents and attributes of files."""

from __future__ import annotations

from collections.abc import Iterator

from hullmark.model.inventory import FileRecord
from hullmark.policy.anchore.facts import AnchoreFacts, full_mode
from hullmark.policy.anchore.failure import RuleFailed
from hullmark.policy.anchore.params import BadValue, Kind, Parameter, Values
from hullmark.policy.anchore.regexes import compile_expression
from hullmark.policy.anchore.search import body_of, name_of
from hullmark.policy.anchore.trigger import Answer, Fault, Scope, Trigger, TriggerMatch
from hullmark.policy.gate import Need

_SET_ID = 0o6000
_EQUALS = ("equals", "not_equals")
_NO_DIGEST = "DIRECTORY_OR_OTHER"


def content_regex_match(values: Values, facts: AnchoreFacts) -> Iterator[Answer]:
    """Check the hits of the content search."""
    wanted = values.text("regex_name")
    for path, named, line in facts.searched("contents"):
        if not wanted or wanted in (body_of(named), name_of(named)):
            message = f"File content analyzer found regexp match in container: file={path} regexp={named}"
            yield TriggerMatch(
                message=message, subject=f"{path} {name_of(named) or named}", evidence=facts.at(path, f"line {line}")
            )


def name_match(values: Values, facts: AnchoreFacts) -> Iterator[Answer]:
    """Match the expression against each path."""
    regex = values.text("regex")
    wanted = compile_expression(regex)
    for path in facts.files:
        if wanted.matches(path, facts.work):
            message = f"Application of regex matched file found in container: file={path} regexp={regex}"
            yield TriggerMatch(message=message, subject=path, evidence=facts.at(path))


def attribute_match(values: Values, facts: AnchoreFacts) -> Iterator[Answer]:
    """Compare digest and mode; all conditions that are given must hold."""
    path = values.text("filename")
    file = facts.files.get(path)
    if file is None:
        if values.has("skip_missing") and not values.flag("skip_missing"):
            yield TriggerMatch(message=f"filename={path} and skip_missing=False", subject=path)
        return
    found = (_checksum(values, file), _mode(values, file))
    if not any(found) or "" in found:
        return
    yield TriggerMatch(
        message=f"filename={path}" + "".join(part or "" for part in found), subject=path, evidence=facts.at(path)
    )


def _checksum(values: Values, file: FileRecord) -> str | None:
    """The digest part of the message; "" if the condition does not hold, None if no condition is given."""
    if not values.text("checksum"):
        return None
    wanted, actual = values.text("checksum"), file.sha256 if file.type == "file" else _NO_DIGEST
    operation = values.text("checksum_match", "equals")
    if (wanted == actual) is not (operation == "equals"):
        return ""
    return f" and checksum={actual} op={operation} specified_checksum={wanted}"


def _mode(values: Values, file: FileRecord) -> str | None:
    if not values.text("mode"):
        return None
    try:
        wanted = oct(int(values.text("mode")[:40], 8))
    except ValueError as error:
        raise RuleFailed(f"{values.text('mode')[:60]!r} is not a mode in octal") from error
    actual = oct(file.mode)
    operation = values.text("mode_op", "equals")
    if (wanted == actual) is not (operation == "equals"):
        return ""
    return f" and mode={actual} op={operation} specified_mode={wanted}"


def _of_one_file(values: Values) -> Scope:
    return Scope(frozenset(("files",)), paths=(values.text("filename"),))


def _verify_attributes(values: Values) -> Iterator[Fault]:
    if not (values.text("checksum") or values.text("mode") or values.has("skip_missing")):
        yield "checksum", BadValue("expected checksum or mode: without one of them it never fires", "!Q26")


def suid_or_guid_set(values: Values, facts: AnchoreFacts) -> Iterator[Answer]:
    """Check the modes."""
    for path, file in facts.files.items():
        if file.mode & _SET_ID:
            message = f"SUID or SGID found set on file {path}. Mode: {oct(full_mode(file))}"
            yield TriggerMatch(message=message, subject=path, evidence=facts.at(path, f"{file.mode:04o}"))


_FILES = frozenset((Need.FILES,))

TRIGGERS = (
    Trigger(
        gate="files",
        name="content_regex_match",
        check=content_regex_match,
        needs=_FILES,
        search="contents",
        parameters=(Parameter(name="regex_name"),),
        about="Fires for each file with a line that one of the context's expressions for contents fits.",
    ),
    Trigger(
        gate="files",
        name="name_match",
        check=name_match,
        needs=_FILES,
        parameters=(Parameter(name="regex", is_required=True),),
        about="Fires for each path that the expression fits at its start.",
    ),
    Trigger(
        gate="files",
        name="attribute_match",
        check=attribute_match,
        needs=frozenset((Need.FILES, Need.DIGESTS)),
        scope=_of_one_file,
        verify=_verify_attributes,
        about="Fires if a file's digest and mode meet all conditions, or if it is missing and that was asked for.",
        parameters=(
            Parameter(name="filename", is_required=True),
            Parameter(name="checksum_algorithm", kind=Kind.CHOICE, choices=("sha256",)),
            Parameter(name="checksum"),
            Parameter(name="checksum_match", kind=Kind.CHOICE, choices=_EQUALS),
            Parameter(name="mode"),
            Parameter(name="mode_op", kind=Kind.CHOICE, choices=_EQUALS),
            Parameter(name="skip_missing", kind=Kind.FLAG),
        ),
    ),
    Trigger(
        gate="files",
        name="suid_or_guid_set",
        check=suid_or_guid_set,
        needs=_FILES,
        about="Fires for each file or folder with a set-user-ID or set-group-ID bit.",
    ),
)
