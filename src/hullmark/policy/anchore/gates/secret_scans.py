"""Gate `secret_scans`: lines of files that look like secrets. The text that was found is never shown."""

from __future__ import annotations

from collections.abc import Iterator

from hullmark.policy.anchore.facts import AnchoreFacts
from hullmark.policy.anchore.params import Kind, Parameter, Values
from hullmark.policy.anchore.regexes import compile_expression
from hullmark.policy.anchore.search import body_of, name_of
from hullmark.policy.anchore.trigger import Answer, Trigger, TriggerMatch
from hullmark.policy.gate import Need

_WORDS = "Secret content search analyzer"


def content_regex_checks(values: Values, facts: AnchoreFacts) -> Iterator[Answer]:
    """Check the hits of the secret search."""
    wanted, filename = values.text("content_regex_name"), values.text("filename_regex")
    is_path = compile_expression(filename) if filename else None
    found = [
        hit
        for hit in facts.searched("secrets")
        if (not wanted or _is_named(hit[1], wanted, facts)) and (is_path is None or is_path.matches(hit[0], facts.work))
    ]
    if values.text("match_type", "found") == "notfound":
        if not found:
            message = (
                f"{_WORDS} did not find regexp match in container:"
                f" filename_regex={filename or '*'} content_regex_name={wanted or 'all'}"
            )
            yield TriggerMatch(message=message, subject=f"{filename or '*'} {wanted or 'all'}")
        return
    for path, named, line in found:
        message = f"{_WORDS} found regexp match in container: file={path} regexp={named}"
        yield TriggerMatch(
            message=message, subject=f"{path} {name_of(named) or named}", evidence=facts.at(path, f"line {line}")
        )


def _is_named(named: str, wanted: str, facts: AnchoreFacts) -> bool:
    """Whether the rule selects an expression. The original looks for the expression's name, or its text, anywhere in the requested name."""
    names = [name for name in (name_of(named), body_of(named)) if name]
    if facts.keeps("Q16"):
        return any(name in wanted for name in names)
    wanted_names = {part.strip() for part in wanted.split(",")} | {wanted}
    return not wanted_names.isdisjoint(names)


TRIGGERS = (
    Trigger(
        gate="secret_scans",
        name="content_regex_checks",
        check=content_regex_checks,
        needs=frozenset((Need.FILES,)),
        search="secrets",
        about="Fires for each file with a line that looks like a secret, or if there is none.",
        parameters=(
            Parameter(name="content_regex_name"),
            Parameter(name="filename_regex"),
            Parameter(name="match_type", kind=Kind.CHOICE, choices=("found", "notfound")),
        ),
    ),
)
