"""From an image to what is known to be wrong with its packages."""

from __future__ import annotations

from pathlib import Path
from typing import TypeVar

import msgspec

from hullmark.advisories.match import ignores, risk, vex
from hullmark.advisories.match.advisory_source import AdvisorySource
from hullmark.advisories.match.find import find
from hullmark.advisories.match.ssvc import decide_match
from hullmark.app.vex import VexRequest, VexSource, VexStatements, statements_for
from hullmark.catalog.programs.golang_symbols import READ as GO_SYMBOLS
from hullmark.catalog.programs.golang_symbols import with_functions, without_functions
from hullmark.model.advisory import Statement
from hullmark.model.correction import ROOM as CORRECTIONS
from hullmark.model.errors import HullmarkError
from hullmark.model.image import ImageConfig
from hullmark.model.inventory import Inventory, InventorySource
from hullmark.model.limit import Limit
from hullmark.model.match import Match, Matches, UnknownPackage
from hullmark.model.problem import Problem
from hullmark.model.ssvc import Mission
from hullmark.reach.matched import with_reach, without_unreachable
from hullmark.scanning.request import ScanRequest, ScanResources, ScanResult
from hullmark.scanning.take import SBOM, take
from hullmark.source import SourceOptions, classify

_MAX_DOCUMENT = Limit(64 << 20, "bytes of a VEX document or a file of ignore rules", "refused")
MATCHING_READS = (GO_SYMBOLS,)
"""What else is read of an image whose packages are matched."""

_Told = TypeVar("_Told", Match, UnknownPackage)


class MatchOptions(msgspec.Struct, frozen=True, kw_only=True):
    """How matches are weighed and shown. `at` is the day that counts as today (ISO 8601), `moment` the moment of it ("": its end).

    `rules` are ignore rules, `statements` what suppliers say (VEX), the later overriding the earlier. `sort` is one of
    risk.ORDERS, `set_aside` fix states that do not count, `channels` paid channels that are in use.
    `reach`: it is looked for what the image's start reaches, and how urgent matches are by that, for what has this `mission`;
    `only_reachable` sets aside what is unreachable.
    """

    at: str
    rules: tuple[ignores.IgnoreRule, ...] = ()
    statements: tuple[Statement, ...] = ()
    sort: str = "risk"
    set_aside: tuple[str, ...] = ()
    by_cve: bool = False
    channels: tuple[str, ...] = ()
    moment: str = ""
    reach: bool = False
    only_reachable: bool = False
    mission: Mission = "medium"


def vulnerabilities(
    reference: str,
    advisories: VexSource,
    weighing: MatchOptions,
    resources: ScanResources,
    options: SourceOptions,
    *,
    vex: VexRequest = VexRequest(),  # noqa: B008 - it cannot change
) -> Matches:
    """What is wrong with the packages of an image or folder. `vex` says where besides `weighing` to look for statements.

    Raises HullmarkError where the image or its attestations cannot be read.
    """
    if weighing.reach:
        refuse_to_follow(reference)
    scanned = take(reference, ScanRequest(reads=MATCHING_READS, reach=weighing.reach), resources, options)
    statements = statements_for(vex, scanned.inventory, advisories, options)
    return match_scan(scanned, advisories, weighing, statements)


def match_scan(
    scanned: ScanResult, advisories: AdvisorySource, weighing: MatchOptions, statements: VexStatements | None = None
) -> Matches:
    """What is wrong with the packages of an image that was scanned with MATCHING_READS (without them, less is set aside)."""
    found = _strip_functions(match_inventory(_add_linked_functions(scanned), advisories, weighing, statements))
    if not weighing.reach or scanned.reach is None:
        return found
    found = _add_urgency(with_reach(found, scanned.reach), scanned.inventory.config, weighing.mission)
    return without_unreachable(found) if weighing.only_reachable else found


def refuse_to_follow(reference: str) -> None:
    """Raise HullmarkError where there are no files in which a start could be followed."""
    if classify(reference)[0] == SBOM:
        raise HullmarkError("an SBOM has no files to follow", advice="name the image itself, or a folder")


def _add_urgency(matches: Matches, config: ImageConfig | None, mission: Mission) -> Matches:
    """The matches, each with how urgent it is."""
    ports = config.exposed_ports if config is not None else ()
    gap = matches.snapshot.exploited_gap if matches.snapshot is not None else ""
    found = (
        msgspec.structs.replace(match, ssvc=decide_match(match, ports, mission, exploited_gap=gap))
        for match in matches.matches
    )
    return msgspec.structs.replace(matches, matches=tuple(found))


def _add_linked_functions(scanned: ScanResult) -> Inventory:
    """The inventory, Go modules with what their programs were linked with."""
    programs = scanned.found.get(GO_SYMBOLS.name, {})
    packages = with_functions(scanned.inventory.packages, programs)
    return msgspec.structs.replace(scanned.inventory, packages=packages)


def _strip_functions(matches: Matches) -> Matches:
    """The matches, their packages without the long lists of functions, which only matching reads."""

    def bare(entry: _Told) -> _Told:
        return msgspec.structs.replace(entry, package=without_functions(entry.package))

    return msgspec.structs.replace(
        matches, matches=tuple(map(bare, matches.matches)), unknown=tuple(map(bare, matches.unknown))
    )


def match_inventory(
    inventory: Inventory, advisories: AdvisorySource, weighing: MatchOptions, statements: VexStatements | None = None
) -> Matches:
    """What is wrong with the packages of an inventory, weighed as requested. The `statements` about this image give way to the
    statements of `weighing`, which a person chose, where nothing else decides between them."""
    result = find(inventory, advisories, at=weighing.at, channels=weighing.channels)
    statements = statements or VexStatements()
    says = _says(inventory.source, weighing, statements)
    matches: tuple[Match, ...] = vex.apply_statements(result.matches, says)
    if weighing.rules:
        matches = ignores.apply(matches, weighing.rules, weighing.moment or weighing.at, says.of)
    if weighing.set_aside:
        matches = risk.ignore_states(matches, weighing.set_aside)
    if weighing.by_cve:
        matches = risk.by_cve(matches)
    notes = tuple(
        Problem("", -1, "match", note)
        for note in ignores.describe_expired_rules(weighing.rules, weighing.moment or weighing.at)
    )
    corrected = tuple(problem for problem in inventory.problems if problem.room == CORRECTIONS)
    problems = result.problems + statements.problems + notes + corrected
    return msgspec.structs.replace(result, matches=risk.sort_matches(matches, weighing.sort), problems=problems)


def _says(source: InventorySource, weighing: MatchOptions, statements: VexStatements) -> vex.StatementIndex:
    known = msgspec.structs.replace(source, tags=source.tags + statements.names)
    return vex.StatementIndex(statements.statements + weighing.statements, known)


def rules_in(file: Path) -> tuple[ignores.IgnoreRule, ...]:
    """The ignore rules of a file. Raises HullmarkError that names what is wrong."""
    try:
        return ignores.parse(_read(file))
    except ValueError as error:
        raise HullmarkError(f"{file}: {error}", advice="docs/how-to/ignore-a-match.md shows the rules") from error


def statements_in(file: Path) -> tuple[Statement, ...]:
    """The VEX statements of a file: OpenVEX, CSAF or CycloneDX. Raises HullmarkError for any other document."""
    from hullmark.advisories.feeds.formats.vex import statements_of

    wrong: list[str] = []
    found = tuple(statements_of(_read(file), "file", lambda place, reason: wrong.append(reason), file.name))
    if wrong and not found:
        raise HullmarkError(f"{file} is not a VEX document: {wrong[0]}", advice="OpenVEX, CSAF and CycloneDX are read")
    return found


def _read(file: Path) -> bytes:
    try:
        if file.stat().st_size > _MAX_DOCUMENT:
            raise HullmarkError(f"{file} is larger than {_MAX_DOCUMENT >> 20} MiB", advice="is it the right file?")
        return file.read_bytes()
    except OSError as error:
        raise HullmarkError(f"cannot read {file}: {error.strerror}", advice="check the path") from error
