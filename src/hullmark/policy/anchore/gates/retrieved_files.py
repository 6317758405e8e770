"""Gate `retrieved_files`: the content of files that the analysis was asked to store."""

from __future__ import annotations

from collections.abc import Iterable, Iterator

from hullmark.policy.anchore.facts import AnchoreFacts
from hullmark.policy.anchore.failure import RuleFailed
from hullmark.policy.anchore.params import Kind, Parameter, Values
from hullmark.policy.anchore.regexes import compile_expression
from hullmark.policy.anchore.trigger import Answer, Trigger, TriggerMatch
from hullmark.policy.context import Context
from hullmark.policy.gate import Need


def content_not_available(values: Values, facts: AnchoreFacts) -> Iterator[Answer]:
    """Check whether the file was stored."""
    path = values.text("path")
    if facts.stored(path) is None:
        legacy = "Cannot locate file in the image analysis"
        message = legacy if facts.keeps("Q15") else f"{legacy}: {path}"
        yield TriggerMatch(message=message, subject=path, legacy_message=legacy)


def content_regex(values: Values, facts: AnchoreFacts) -> Iterator[Answer]:
    """Match the expression against each word and, in the native profile, against each line too."""
    path, regex, check = values.text("path"), values.text("regex"), values.text("check")
    body = facts.stored(path)
    if body is None:
        if facts.has_stored:
            compile_expression(regex)  # the original fails on a bad expression, unless no file was stored at all
        return
    try:
        text = body.decode()
    except UnicodeDecodeError as error:
        raise RuleFailed(f"{path} is not text in UTF-8") from error
    wanted = compile_expression(regex)
    tries = text.split() + ([] if facts.keeps("Q14") else text.splitlines())
    is_found = any(wanted.matches(candidate, facts.work) for candidate in tries)
    if is_found is (check == "match"):
        yield TriggerMatch(
            message=f"Content regex '{regex}' check '{check}' found in retrieved file '{path}'",
            subject=f"{path} {check} {regex}",
            legacy_id=f"{facts.rule_id}+file://{path}",
            evidence=facts.at(path),
        )


def _list_paths(values: Values, context: Context) -> Iterable[str]:
    path = values.text("path")
    return (path,) if path in context.retrieve_files else ()


_PATH = Parameter(name="path", is_required=True)
_FILES = frozenset((Need.FILES,))

TRIGGERS = (
    Trigger(
        gate="retrieved_files",
        name="content_not_available",
        check=content_not_available,
        needs=_FILES,
        contents=_list_paths,
        parameters=(_PATH,),
        about="Fires if a file is not among those that were stored.",
    ),
    Trigger(
        gate="retrieved_files",
        name="content_regex",
        check=content_regex,
        needs=_FILES,
        contents=_list_paths,
        about="Fires if an expression fits somewhere in a stored file, or nowhere.",
        parameters=(
            _PATH,
            Parameter(name="regex", is_required=True),
            Parameter(name="check", kind=Kind.CHOICE, choices=("match", "no_match"), is_required=True),
        ),
    ),
)
