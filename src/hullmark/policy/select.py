"""Selects which of a policy's rules judge an image: the first entry of `apply` that matches it decides."""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import dataclass

from hullmark.model.inventory import InventorySource
from hullmark.policy.facts import Facts
from hullmark.policy.rollout import Conditions, Deployment, Selector, Stage, milder
from hullmark.policy.rules import Policy, Rule
from hullmark.policy.values import NameGlob

_NAMED_KINDS = frozenset(("registry", "docker", "podman"))
_HUB = "docker.io"


@dataclass(frozen=True, slots=True)
class Name:
    """A name of the image: as written, in full with defaults filled in, and its parts."""

    written: str
    full: str
    registry: str
    path: str
    tag: str


@dataclass(frozen=True, slots=True, kw_only=True)
class SelectedRules:
    """The rules that judge, each with its stage; or the reason why there are none.

    `unmatched`: no entry matches, with the name that was looked for. `lacking`: the fact that is missing to decide.
    """

    rules: tuple[tuple[Rule, Stage], ...] = ()
    unmatched: str = ""
    lacking: str = ""


def choose(policy: Policy, facts: Facts, deployment: Deployment) -> SelectedRules:
    """The rules for this image. Without entries in `apply`, every rule judges every image."""
    stages = {rule_set.name: rule_set.stage for rule_set in policy.rule_sets}
    if not policy.apply:
        return SelectedRules(rules=tuple((rule, stages.get(rule.rule_set, Stage.ENFORCE)) for rule in policy.rules))
    names = names_of(facts)
    for selector in policy.apply:
        fits = _fits(selector.when, facts, names, deployment)
        if fits is None:
            return SelectedRules(
                lacking="which rules are for this image depends on its labels, and its settings could not be read"
            )
        if fits:
            return SelectedRules(rules=tuple(_of(policy, selector, stages)))
    where = f" in the environment {deployment.environment}" if deployment.environment else ""
    shown = names[0].written or "an image without a name"
    return SelectedRules(unmatched=f"no entry of the policy's apply fits {shown}{where}")


def _of(policy: Policy, selector: Selector, stages: dict[str, Stage]) -> Iterable[tuple[Rule, Stage]]:
    for rule in policy.rules:
        if rule.rule_set in selector.rule_sets:
            yield rule, milder(stages.get(rule.rule_set, Stage.ENFORCE), selector.stage)


def names_of(facts: Facts) -> tuple[Name, ...]:
    """The names of the image: the reference it is judged under, or else its source and its tags; at least one."""
    return names_of_source(facts.inventory.source, facts.reference)


def names_of_source(source: InventorySource, reference: str) -> tuple[Name, ...]:
    """The names of an image from its source and the reference it is judged under ("": none)."""
    written = [reference] if reference else sorted(source.tags)
    if not reference and source.kind in _NAMED_KINDS:
        written.insert(0, source.reference.removeprefix(f"{source.kind}:"))
    return tuple(dict.fromkeys(read_name(text) for text in written)) or (read_name(""),)


def read_name(text: str) -> Name:
    """A name in parts. Missing parts are filled in as registries do: docker.io, library/, latest."""
    bare, at, _ = text.partition("@")
    path, colon, tag = bare.rpartition(":")
    if not colon or "/" in tag:
        path, tag = bare, ""
    first, slash, rest = path.partition("/")
    is_host = bool(slash) and ("." in first or ":" in first or first == "localhost")
    registry, path = (first, rest) if is_host else (_HUB, path)
    if not is_host and path and not slash:
        path = f"library/{path}"
    tag = tag or ("" if at or not path else "latest")
    full = f"{registry}/{path}{':' if tag else ''}{tag}" if path else ""
    return Name(text, full, registry, path, tag)


def _fits(wanted: Conditions, facts: Facts, names: tuple[Name, ...], deployment: Deployment) -> bool | None:
    """Whether the image meets the conditions; None if that depends on labels that could not be read."""
    if wanted.environments and not _any_of(wanted.environments, deployment.environment):
        return False
    if wanted.digests and facts.inventory.source.digest not in wanted.digests:
        return False
    if not any(_is_named(wanted, name) for name in names):
        return False
    if not wanted.labels:
        return True
    if facts.inventory.config is None:
        return None
    labels = facts.inventory.config.labels
    return all(name in labels and glob.matches(labels[name]) for name, glob in wanted.labels.items())


def _is_named(wanted: Conditions, name: Name) -> bool:
    """Whether a single name meets all the conditions on names."""
    is_whole = bool(name.path) and not wanted.registries
    repository = (f"{name.registry}/{name.path}", name.path) if is_whole else (name.path,)
    return (
        (not wanted.registries or _any_of(wanted.registries, name.registry))
        and (not wanted.images or _any_of(wanted.images, name.written, name.full))
        and (not wanted.repositories or _any_of(wanted.repositories, *repository))
        and (not wanted.tags or _any_of(wanted.tags, name.tag))
    )


def _any_of(globs: Iterable[NameGlob], *texts: str) -> bool:
    return any(glob.matches(text) for glob in globs for text in texts)
