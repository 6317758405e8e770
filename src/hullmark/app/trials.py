"""Trying a policy before it counts: on test cases, and on images that are known already."""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Sequence
from datetime import UTC, datetime
from pathlib import Path

import msgspec
from msgspec.structs import replace

from hullmark._version import __version__
from hullmark.advisories.match.advisory_source import AdvisorySource
from hullmark.app.expressions import Evaluator
from hullmark.app.inventories import read_inventory
from hullmark.app.recipes import cook, malware_of, matches_of
from hullmark.app.vulns import MatchOptions, match_inventory
from hullmark.app.workloads import all_placed
from hullmark.model.digest import digest_of
from hullmark.model.errors import HullmarkError
from hullmark.model.inventory import Inventory
from hullmark.model.limit import Limit
from hullmark.model.policy_facts import KnownImage
from hullmark.model.signed_document import SignedDocument, SignedDocuments
from hullmark.model.verdict import Action, Finding, Outcome, Verdict
from hullmark.policy.cases import Case, Cases, differences
from hullmark.policy.dockerfile import from_history, parse_dockerfile
from hullmark.policy.evaluate import evaluate
from hullmark.policy.facts import Facts, of_facets
from hullmark.policy.gate import FACETS, Need
from hullmark.policy.needs import Needs, needs
from hullmark.policy.rollout import Deployment
from hullmark.policy.rules import Policy
from hullmark.proof.bundle import BUNDLE
from hullmark.scanning.collect import contents_of, request_for
from hullmark.scanning.facets import facets_for
from hullmark.scanning.following import with_reach
from hullmark.scanning.request import ScanResources, ScanResult
from hullmark.scanning.take import take
from hullmark.source import SourceOptions

_ANALYZER = f"hullmark {__version__}"
_MAX_INVENTORIES = Limit(100_000, "inventories that a policy is tried on", "refused")


class CaseResult(msgspec.Struct, frozen=True, kw_only=True):
    """How a test case went: what was not as expected (nothing: it passed), and the rules that fired."""

    file: str
    name: str
    verdict: str
    differences: tuple[str, ...]
    fired: tuple[str, ...]


class Trial(msgspec.Struct, frozen=True, kw_only=True):
    """All cases of a policy, and the rules that none of them makes fire."""

    policy: str
    cases: tuple[CaseResult, ...]
    never_fired: tuple[str, ...]


class Flip(msgspec.Struct, frozen=True, kw_only=True):
    """What becomes of one image under a draft. `reasons` say why, a sentence each; `before` is "" where nothing is compared."""

    image: str
    before: str
    after: str
    rules: tuple[str, ...]
    reasons: tuple[str, ...]


def try_cases(policy: Policy, cases: Iterable[tuple[Path, Cases]], options: SourceOptions) -> Trial:
    """Judge the image of each case; paths in cases are relative to their file. Raises HullmarkError for a case that makes no sense."""
    tried = tuple(_try(policy, case, file, options) for file, held in cases for case in held.cases)
    fired = {rule for trial in tried for rule in trial.fired}
    never = tuple(sorted(rule.id for rule in policy.rules if rule.id not in fired))
    return Trial(policy=policy.name, cases=tried, never_fired=never)


def _try(policy: Policy, case: Case, file: Path, options: SourceOptions) -> CaseResult:
    try:
        verdict = _judge_case(policy, case, file.parent, options)
    except HullmarkError as error:
        raise HullmarkError(f"{file.name}: the case {case.name!r}: {error}", advice=error.advice) from error
    return CaseResult(
        file=file.name,
        name=case.name,
        verdict=verdict.verdict.value,
        differences=differences(case.expect, verdict),
        fired=tuple(sorted({finding.rule_id for finding in verdict.findings})),
    )


def _judge_case(policy: Policy, case: Case, folder: Path, options: SourceOptions) -> Verdict:
    wanted = needs(policy)
    scanned = _scan_case(case, folder, wanted, options)
    weaknesses = () if case.vulnerabilities is None and case.recipe is not None else case.vulnerabilities
    dockerfile = case.recipe.dockerfile if case.recipe is not None else None
    history = scanned.inventory.config.history if scanned.inventory.config is not None else ()
    facts = Facts(
        inventory=scanned.inventory,
        now=_moment(case.at),
        contents=contents_of(scanned, wanted),
        **of_facets(scanned.facets),
        malware=malware_of(case.malware, scanned.inventory) if case.malware is not None else None,
        ghosts=wanted.ghosts,
        reach=scanned.reach,
        matches=None if weaknesses is None else matches_of(weaknesses, case.no_data, scanned.inventory),
        isolation=all_placed(case.workload) if case.workload else None,
        dockerfile=from_history(history) if dockerfile is None else parse_dockerfile(dockerfile.encode()),
        reference=case.tag,
        evaluate=Evaluator(),
        signatures=_make_signed_documents(case),
        trusted_keys=case.signatures.keys if case.signatures is not None else (),
        trusted_root=case.signatures.trusted_root if case.signatures is not None else "",
    )
    deployment = Deployment(
        environment=case.environment,
        running_since=_moment(case.running_since) if case.running_since else None,
        first_seen={name: _moment(text) for name, text in case.first_seen.items()},
    )
    return evaluate(policy, facts, analyzer=_ANALYZER, deployment=deployment)


def _make_signed_documents(case: Case) -> SignedDocuments | None:
    """What is signed about the image of a case."""
    told = case.signatures
    if told is None:
        return None
    documents = tuple(
        SignedDocument(place=digest_of(text.encode()), media_type=BUNDLE, body=text.encode(), subject=told.subject)
        for text in told.documents
    )
    return SignedDocuments(documents=documents, subjects=(told.subject,))


def _scan_case(case: Case, folder: Path, wanted: Needs, options: SourceOptions) -> ScanResult:
    if case.inventory:
        return _scanned_of(read_inventory(folder / case.inventory))
    resources = ScanResources()
    with facets_for(wanted.facets - {Need.MALWARE}, resources) as facets:
        request = replace(request_for(wanted), facets=facets)
        recipe = case.recipe
        if recipe is not None:
            return with_reach(lambda asked: cook(recipe, asked), request) if wanted.reach else cook(recipe, request)
        scheme, colon, rest = case.image.partition(":")
        is_beside = bool(colon) and (folder / rest).exists()
        return take(f"{scheme}:{folder / rest}" if is_beside else case.image, request, resources, options)


def _scanned_of(known: KnownImage) -> ScanResult:
    facets = {need.value: getattr(known.policy_facts, need) for need in FACETS - {Need.MALWARE}}
    return ScanResult(known.inventory, facets=facets)


def _facts_of(known: KnownImage, now: datetime, source: AdvisorySource | None) -> Facts:
    """What is known of an image that was written down, and what the advisories say of its packages."""
    weighing = MatchOptions(at=now.astimezone(UTC).date().isoformat())
    policy_facts = known.policy_facts
    return Facts(
        inventory=known.inventory,
        now=now,
        ghosts=policy_facts.ghosts,
        matches=match_inventory(known.inventory, source, weighing) if source is not None else None,
        dockerfile=from_history(policy_facts.config.history) if policy_facts.config is not None else None,
        configuration=policy_facts.configuration,
        secrets=policy_facts.secrets,
        malware=policy_facts.malware,
        certificates=policy_facts.certificates,
        evaluate=Evaluator(),
    )


def simulate(
    draft: Policy,
    current: Policy | None,
    inventories: Iterable[Path],
    now: datetime,
    environment: str = "",
    advisories: AdvisorySource | None = None,
) -> Iterator[Flip]:
    """What a draft makes of images that are known, beside what the policy in force makes of them. `advisories` are matched with, if
    there are any."""
    deployment = Deployment(environment=environment)
    for path in inventories:
        facts = _facts_of(read_inventory(path), now, advisories)
        after = evaluate(draft, facts, analyzer=_ANALYZER, deployment=deployment)
        before = evaluate(current, facts, analyzer=_ANALYZER, deployment=deployment) if current is not None else None
        yield _flip(_name_of(facts.inventory, path), before, after)


def inventories_in(folder: Path) -> tuple[Path, ...]:
    """The inventories of a folder and the folders below it, by name. Raises HullmarkError if there are none."""
    found = [folder] if folder.is_file() else sorted(path for path in folder.rglob("*.json") if path.is_file())
    if not 0 < len(found) <= _MAX_INVENTORIES:
        raise HullmarkError(
            f"{folder} holds {len(found)} inventories",
            advice="write some with hullmark scan --for-policies -o json=FILE IMAGE",
        )
    return tuple(found)


def _flip(image: str, before: Verdict | None, after: Verdict) -> Flip:
    counted = {_key(finding) for finding in before.findings if _counts(finding)} if before is not None else set()
    kept = {_key(finding) for finding in after.findings if _counts(finding)}
    gained = [finding for finding in after.findings if _counts(finding) and _key(finding) not in counted]
    lost = [f for f in before.findings if _counts(f) and _key(f) not in kept] if before is not None else []
    reasons = [f"{finding.rule_id}: {finding.message}" for finding in gained]
    reasons += [f"{finding.rule_id}: no longer counts on {finding.subject}" for finding in lost]
    if after.verdict is Outcome.UNKNOWN:
        reasons.insert(0, after.reason)
    return Flip(
        image=image,
        before=before.verdict.value if before is not None else "",
        after=after.verdict.value,
        rules=tuple(sorted({finding.rule_id for finding in (*gained, *lost)})),
        reasons=tuple(reasons),
    )


def _key(finding: Finding) -> tuple[str, str, str, Action]:
    return (finding.gate, finding.trigger, finding.subject, finding.action)


def _counts(finding: Finding) -> bool:
    return finding.action is not Action.GO


def _name_of(inventory: Inventory, path: Path) -> str:
    return inventory.source.reference or inventory.source.digest or path.name


def _moment(text: str) -> datetime:
    try:
        at = datetime.fromisoformat(text)
        return at.astimezone(UTC) if at.tzinfo is not None else at.replace(tzinfo=UTC)
    except (ValueError, OverflowError) as error:
        raise HullmarkError(f"{text[:60]!r} is not a time", advice="write it as 2026-03-01T12:00:00Z") from error


def list_failures(trial: Trial) -> Sequence[CaseResult]:
    """The cases that did not go as expected."""
    return [tried for tried in trial.cases if tried.differences]
