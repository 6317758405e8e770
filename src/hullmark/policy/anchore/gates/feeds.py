"""Gates `npms` and `ruby_gems`: compare packages with what their registries offer, as given in the context."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass

from hullmark.policy.anchore.facts import AnchoreFacts
from hullmark.policy.anchore.params import Parameter, Values
from hullmark.policy.anchore.rows import PackageRow
from hullmark.policy.anchore.trigger import PACKAGES, Answer, Check, Scope, Trigger, TriggerMatch
from hullmark.policy.context import OfferedVersions, Registry
from hullmark.versions import InvalidVersion, scheme_for


@dataclass(frozen=True, slots=True, kw_only=True)
class _Gate:
    """One of the two gates: its name, the purl type, and the words its messages use."""

    name: str
    type: str
    newer: str
    unknown: str
    bad_version: str
    word: str
    feed: str
    absent_prefix: str


_NPMS = _Gate(
    name="npms",
    type="npm",
    newer="NPMNOTLATEST ",
    unknown="NPMNOTOFFICIAL",
    bad_version="NPMBADVERSION",
    word="NPM",
    feed="NPM",
    absent_prefix="NPM",
)
_GEMS = _Gate(
    name="ruby_gems",
    type="gem",
    newer="",
    unknown="GEMNOTOFFICIAL",
    bad_version="GEMBADVERSION",
    word="Gem",
    feed="GEM",
    absent_prefix="Gem",
)


def _rows(gate: _Gate, facts: AnchoreFacts, once: str = "") -> list[PackageRow]:
    """The packages of the gate's type. `once`: the original (Q40) sees one package of each name, or of each name and version; otherwise
    packages at different places are distinct.
    """
    rows = [row for row in facts.packages if row.package.type == gate.type]
    if not once or not facts.keeps("Q40"):
        return rows
    return list({(row.name, row.version if once == "version" else ""): row for row in reversed(rows)}.values())


def _find_offered_versions(gate: _Gate, facts: AnchoreFacts) -> dict[str, OfferedVersions]:
    """The versions that the registry offers of the image's packages."""
    names = {row.name for row in _rows(gate, facts)}
    offered = facts.context.feeds.get(gate.type, Registry()).packages
    return {name: offered[name] for name in sorted(names) if name in offered}


def _newer(gate: _Gate) -> Check:
    def check(values: Values, facts: AnchoreFacts) -> Iterator[Answer]:
        known = _find_offered_versions(gate, facts)
        for row in _rows(gate, facts):
            latest = known[row.name].latest if row.name in known else ""
            if latest and _is_behind(row, latest, facts):
                message = (
                    f"{gate.newer}Package ({row.name}) version ({row.version}) installed"
                    f" but is not the latest version ({latest})"
                )
                yield _make_trigger_match(message, row, facts)

    return check


def _is_behind(row: PackageRow, latest: str, facts: AnchoreFacts) -> bool:
    if facts.keeps("Q32"):
        return row.version != latest
    try:
        return scheme_for(row.package.type).compare(row.version, latest) < 0
    except InvalidVersion:
        return row.version != latest


def _build_unknown_check(gate: _Gate) -> Check:
    def check(values: Values, facts: AnchoreFacts) -> Iterator[Answer]:
        known = _find_offered_versions(gate, facts)
        for row in _rows(gate, facts, "name") if known else ():
            # The owner of a scope may keep its packages in a private registry.
            is_private = row.name.startswith("@") and not facts.keeps("Q33")
            if row.name not in known and not is_private:
                message = f"{gate.unknown} Package ({row.name}) in container but not in official {gate.feed} feed."
                yield _make_trigger_match(message, row, facts)

    return check


def _bad_version(gate: _Gate) -> Check:
    def check(values: Values, facts: AnchoreFacts) -> Iterator[Answer]:
        known = _find_offered_versions(gate, facts)
        for row in _rows(gate, facts, "version"):
            if row.name in known and row.version not in known[row.name].versions:
                message = (
                    f"{gate.bad_version} Package ({row.name}) version ({row.version}) installed"
                    f" but version is not in the official feed for this package ({list(known[row.name].versions)})"
                )
                yield _make_trigger_match(message, row, facts)

    return check


def _build_deny_check(gate: _Gate) -> Check:
    def check(values: Values, facts: AnchoreFacts) -> Iterator[Answer]:
        name, version = values.text("name"), values.text("version")
        if values.has("version") and not version and facts.keeps("QS3"):
            return
        for row in _rows(gate, facts):
            if row.name == name and version in ("", row.version):
                shown = f"{name}-{version}" if version else name
                yield _make_trigger_match(f"{gate.word} Package is blacklisted: {shown}", row, facts)
                if facts.keeps("Q40"):
                    return

    return check


def _unavailable(gate: _Gate) -> Check:
    def check(values: Values, facts: AnchoreFacts) -> Iterator[Answer]:
        if facts.context.feeds.get(gate.type, Registry()).synced:
            return
        if facts.keeps("Q34") or _rows(gate, facts):
            message = (
                f"{gate.absent_prefix} packages are present but the anchore {gate.type} feed is not available"
                " - will be unable to perform checks that require feed data"
            )
            yield TriggerMatch(message=message, subject=f"{gate.type} feed")

    return check


def _make_trigger_match(message: str, row: PackageRow, facts: AnchoreFacts) -> TriggerMatch:
    return TriggerMatch(message=message, subject=row.subject, evidence=facts.at_row(row))


_NAME_VERSION = (Parameter(name="name", is_required=True), Parameter(name="version"))


def _triggers(gate: _Gate, names: tuple[str, str, str, str]) -> tuple[Trigger, ...]:
    newer, unknown, bad_version, denied = names

    def own(values: Values) -> Scope:
        return Scope(PACKAGES, frozenset((gate.type,)))

    return (
        Trigger(
            gate=gate.name,
            name=newer,
            check=_newer(gate),
            scope=own,
            about="Fires for each package that is not the latest its registry offers.",
        ),
        Trigger(
            gate=gate.name,
            name=unknown,
            check=_build_unknown_check(gate),
            scope=own,
            about="Fires for each package that its registry does not know.",
        ),
        Trigger(
            gate=gate.name,
            name=bad_version,
            check=_bad_version(gate),
            scope=own,
            about="Fires for each package in a version that its registry does not offer.",
        ),
        Trigger(
            gate=gate.name,
            name=denied,
            check=_build_deny_check(gate),
            scope=own,
            parameters=_NAME_VERSION,
            about="Fires for a package of this name, and of this version if one is given.",
        ),
        Trigger(
            gate=gate.name,
            name="feed_data_unavailable",
            check=_unavailable(gate),
            scope=own,
            about="Fires if nothing is known of the registry.",
        ),
    )


TRIGGERS = (
    *_triggers(
        _NPMS, ("newer_version_in_feed", "unknown_in_feeds", "version_not_in_feeds", "blacklisted_name_version")
    ),
    *_triggers(_GEMS, ("newer_version_found_in_feed", "not_found_in_feed", "version_not_found_in_feed", "blacklist")),
)
