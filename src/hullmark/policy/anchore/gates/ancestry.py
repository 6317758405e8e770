"""Gate `ancestry` (format "2"): the images that this one was built on, as given in the context."""

from __future__ import annotations

from collections.abc import Callable, Iterator

from hullmark.policy.anchore.facts import AnchoreFacts
from hullmark.policy.anchore.params import Kind, Parameter, Values
from hullmark.policy.anchore.trigger import Answer, Check, Trigger, TriggerMatch
from hullmark.policy.context import Ancestor
from hullmark.policy.gate import CannotTell

_NOBODY_LOOKED = CannotTell("nobody told which images it was built on: give them as ancestors in --context")


def _names(field: str) -> Callable[[Ancestor], tuple[str, ...]]:
    return (lambda ancestor: ancestor.tags) if field == "tag" else (lambda ancestor: (ancestor.digest,))


def _build_allow_check(parameter: str, field: str) -> Check:
    names = _names(field)

    def check(values: Values, facts: AnchoreFacts) -> Iterator[Answer]:
        ancestors = facts.context.ancestors
        if ancestors is None:
            yield _NOBODY_LOOKED
            return
        base = [ancestor for ancestor in ancestors if ancestor.is_base] or list(ancestors[:1])
        allowed = values.texts(parameter)
        if not any(name in allowed for ancestor in base for name in names(ancestor)):
            shown = ", ".join(name for ancestor in base for name in names(ancestor)) or "none"
            yield TriggerMatch(
                message=f"Base image {field} ({shown}) is not among the allowed ones", subject=f"base {field}"
            )

    return check


def _build_deny_check(parameter: str, field: str) -> Check:
    names = _names(field)

    def check(values: Values, facts: AnchoreFacts) -> Iterator[Answer]:
        ancestors = facts.context.ancestors
        if ancestors is None:
            yield _NOBODY_LOOKED
            return
        denied = values.texts(parameter)
        for name in dict.fromkeys(name for ancestor in ancestors for name in names(ancestor) if name in denied):
            yield TriggerMatch(message=f"Ancestor image {field} ({name}) is on the deny list", subject=name)

    return check


def no_ancestors_analyzed(values: Values, facts: AnchoreFacts) -> Iterator[Answer]:
    """Check whether any ancestor is known."""
    if not facts.context.ancestors:
        yield TriggerMatch(message="No ancestors of the image are known", subject="ancestors")


def _trigger(name: str, check: Check, parameter: str, about: str) -> Trigger:
    parameters = (Parameter(name=parameter, kind=Kind.TEXTS, is_required=True),) if parameter else ()
    return Trigger(gate="ancestry", name=name, check=check, parameters=parameters, is_enterprise=True, about=about)


TRIGGERS = (
    _trigger(
        "allowed_base_image_digest",
        _build_allow_check("base_digest", "digest"),
        "base_digest",
        "Fires if the base image has none of these digests.",
    ),
    _trigger(
        "allowed_base_image_tag",
        _build_allow_check("base_tag", "tag"),
        "base_tag",
        "Fires if the base image has none of these tags.",
    ),
    _trigger(
        "denylist_ancestor_image_digest",
        _build_deny_check("ancestor_digest", "digest"),
        "ancestor_digest",
        "Fires for each ancestor of one of these digests.",
    ),
    _trigger(
        "denylist_ancestor_image_tag",
        _build_deny_check("ancestor_tag", "tag"),
        "ancestor_tag",
        "Fires for each ancestor with one of these tags.",
    ),
    _trigger("no_ancestors_analyzed", no_ancestors_analyzed, "", "Fires if no ancestor is known."),
)
