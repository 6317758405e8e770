"""From an image and a policy to a verdict."""

from __future__ import annotations

import dataclasses
from collections.abc import Callable
from datetime import UTC, datetime
from pathlib import Path
from typing import Any

import msgspec
from msgspec.structs import asdict, replace

from hullmark._version import __version__
from hullmark.advisories.match.advisory_source import AdvisorySource
from hullmark.app.attached import signed_about
from hullmark.app.expressions import Evaluator
from hullmark.app.policies import load_native, policy_files
from hullmark.app.vulns import MATCHING_READS, MatchOptions, match_scan
from hullmark.app.workloads import WorkloadFile, placed_containers
from hullmark.facets.secrets.mask import masked_dockerfile
from hullmark.model.admission import PlaceDemands
from hullmark.model.dockerfile import Dockerfile
from hullmark.model.errors import HullmarkError
from hullmark.model.explanation import ExplainedVerdict
from hullmark.model.inventory import Inventory, InventorySource
from hullmark.model.isolation import PlacedContainer
from hullmark.model.jar import IDENTIFIED
from hullmark.model.limit import Limit
from hullmark.model.match import Matches
from hullmark.model.signed_document import SignedDocuments
from hullmark.model.verdict import Outcome, Verdict
from hullmark.policy.anchore.profile import PROFILES, Profile
from hullmark.policy.context import MAX_BYTES as MAX_CONTEXT_BYTES
from hullmark.policy.context import NO_CONTEXT, Context, VulnerabilityData, in_utc, read_context
from hullmark.policy.deadlines import GrantedGrace
from hullmark.policy.dockerfile import from_history, parse_dockerfile
from hullmark.policy.document import MAX_TEXT_BYTES as MAX_POLICY_BYTES
from hullmark.policy.facts import Facts, of_facets
from hullmark.policy.image_needs import judged_containers
from hullmark.policy.languages import AnyPolicy, language_of
from hullmark.policy.load import load_any
from hullmark.policy.needs import Needs
from hullmark.policy.placed_rules import place_demands
from hullmark.policy.question import Question
from hullmark.policy.rollout import Deployment
from hullmark.policy.rules import PolicyException
from hullmark.proof.signature_inputs import RuleSignatures, as_stated, handed_to_rules
from hullmark.proof.verdict_statement import StatementSignatures
from hullmark.scanning.collect import contents_of, request_for
from hullmark.scanning.documents import read_bounded
from hullmark.scanning.facets import facets_for
from hullmark.scanning.request import ScanRequest, ScanResources, ScanResult
from hullmark.scanning.searches import Hits, searches_of
from hullmark.scanning.take import take_for_rules
from hullmark.source import SourceOptions

_MAX_DOCKERFILE_BYTES = Limit(1 << 20, "bytes of a Dockerfile given to check", "refused")
_REFERENCES = ("registry", "docker", "podman")
_ANALYZER = f"hullmark {__version__}"


class CheckResult(msgspec.Struct, frozen=True):
    """A verdict, and the inventory that it judges. `next_at` is the first moment at which time alone may change the verdict (None: never);
    `granted` is what the image may start in spite of, and until when; `seconds` the processor time that its expressions took;
    `demands` what it asks of places, where that was asked for."""

    verdict: Verdict
    inventory: Inventory
    next_at: datetime | None = None
    granted: tuple[GrantedGrace, ...] = ()
    seconds: float = 0.0
    demands: PlaceDemands | None = None


class CheckOptions(msgspec.Struct, frozen=True, kw_only=True):
    """How to judge, besides by which policy.

    `profile` (native or compat), `unmapped` and `without_quirks` are for Anchore policies. `dockerfile` is the text the image was
    built by, `tag` the reference and `digest` the one it is judged under (None: its own). `advisories`: None for none.
    `environment` is where the image is to run, as native policies name it. `wants_explanations`: the verdict is an ExplainedVerdict.
    `exceptions` are kept beside the policy, and count as its own do. `workloads` are files that say how it is to run; of these the
    containers that run it are judged too, or those called `container`. `placed` are these containers, where they are known otherwise.
    `trusted_keys` are public keys in PEM that rules about signatures trust, `trusted_root` says by which authorities they check
    certificates (a trusted root of Sigstore's, or PEM; "": none is known). `wants_demands`: what rules ask of places is told besides.
    `signatures`: rules are handed just those documents that a statement names (None: none could be looked for; not set: all there are).
    """

    profile: str = "native"
    without_quirks: tuple[str, ...] = ()
    unmapped: Outcome = Outcome.STOP
    context: Context = NO_CONTEXT
    dockerfile: str = ""
    tag: str | None = None
    digest: str = ""
    advisories: Any = None
    environment: str = ""
    wants_explanations: bool = False
    exceptions: tuple[PolicyException, ...] = ()
    workloads: tuple[WorkloadFile, ...] = ()
    container: str = ""
    placed: tuple[PlacedContainer, ...] | None = None
    trusted_keys: tuple[str, ...] = ()
    trusted_root: str = ""
    wants_demands: bool = False
    signatures: StatementSignatures | msgspec.UnsetType | None = msgspec.UNSET


def load(path: Path) -> AnyPolicy:
    """The policy in a file, or in the files of a folder. Raises HullmarkError, naming every fault in a native one."""
    if not path.exists():
        raise HullmarkError(f"cannot read the policy {path}: it is not there", advice="check the path")
    files = policy_files(path)
    return load_any(read_bounded(files[0], MAX_POLICY_BYTES)) if len(files) == 1 else load_native(path)


def load_context(path: Path) -> Context:
    """The facts from outside in a file. Raises HullmarkError."""
    return read_context(read_bounded(path, MAX_CONTEXT_BYTES))


def load_dockerfile(path: Path) -> str:
    """The text of a Dockerfile. Raises HullmarkError."""
    return read_bounded(path, _MAX_DOCKERFILE_BYTES).decode("utf-8", "replace")


def find_needs(policy: AnyPolicy, context: Context) -> Needs:
    """What the policy's rules must know."""
    return language_of(policy).needs(policy, Question(context=context))


def wants_advisories(policy: AnyPolicy, context: Context) -> bool:
    """Whether advisories should be looked for: a rule needs them, and the context does not speak for them."""
    return find_needs(policy, context).matches and context.vulnerability_data is None


def judge(
    reference: str,
    policy: AnyPolicy,
    now: datetime,
    resources: ScanResources,
    options: SourceOptions,
    check_options: CheckOptions = CheckOptions(),  # noqa: B008 - it cannot change
) -> CheckResult:
    """Take just the inventory that the policy needs, and judge it as of `now`. Raises HullmarkError where it cannot be read."""
    return judge_by(
        lambda request: take_for_rules(reference, request, resources, options),
        policy,
        now,
        resources,
        check_options,
        lambda source: signed_about(reference, source, options),
    )


def judge_by(
    look: Callable[[ScanRequest], ScanResult],
    policy: AnyPolicy,
    now: datetime,
    resources: ScanResources,
    check_options: CheckOptions = CheckOptions(),  # noqa: B008 - it cannot change
    look_beside: Callable[[InventorySource], SignedDocuments | None] = lambda source: None,
) -> CheckResult:
    """As `judge`, whatever the image is taken from: `look` answers a ScanRequest, `look_beside` says what others signed about it
    (None: nobody can look), and is asked only where a rule needs it."""
    language, question = language_of(policy), _question(check_options)
    wanted = language.needs(policy, question)
    searches = searches_of(wanted.searches, resources)
    with facets_for(wanted.facets, resources) as facets:
        matching = MATCHING_READS if wanted.matches and check_options.advisories is not None else ()
        reads = (*searches.reads.values(), *matching)
        request = replace(request_for(wanted), reads=reads, facets=(*facets, *searches.facets.values()))
        scanned = look(request)
    handed = _find_rule_signatures(look_beside, scanned.inventory.source, check_options) if wanted.signatures else None
    evaluator = Evaluator()
    facts = dataclasses.replace(
        _facts(scanned, wanted, now, check_options, searches.hits(scanned)),
        evaluate=evaluator,
        signatures=handed.documents if handed is not None else None,
        trusted_keys=check_options.trusted_keys,
        trusted_root=check_options.trusted_root,
    )
    question = dataclasses.replace(question, context=_with_data(check_options.context, check_options.advisories))
    snapshot = facts.matches.snapshot.digest if facts.matches is not None and facts.matches.snapshot else None
    verdict = language.evaluate(policy, facts, question, _analyzer(resources, facts.inventory), snapshot)
    if wanted.signatures:
        named = handed.inputs if handed is not None else None
        verdict = replace(verdict, inputs=replace(verdict.inputs, signatures=named))
    judged = judged_containers(facts)
    verdict = verdict if judged is None else replace(verdict, containers=judged)
    next_at = language.next_deadline(policy, facts, verdict, question)
    held = language.granted(policy, facts, verdict, question)
    demands = _demands(policy, facts, verdict, question) if check_options.wants_demands else None
    if check_options.wants_explanations:
        explanations = language.explain(verdict, policy, facts)
        verdict = ExplainedVerdict(**asdict(verdict), explanations=explanations)
    return CheckResult(verdict, scanned.inventory, next_at, held, evaluator.seconds, demands)


def _find_rule_signatures(
    look_beside: Callable[[InventorySource], SignedDocuments | None], source: InventorySource, options: CheckOptions
) -> RuleSignatures | None:
    """What rules are handed of what others signed. Raises OtherSignatures where a statement names what is not there."""
    stated = options.signatures
    if stated is None:
        return None
    found = look_beside(source)
    if stated is msgspec.UNSET:
        return handed_to_rules(found) if found is not None else None
    return as_stated(handed_to_rules(found or SignedDocuments()), stated, source.digest)


def _demands(policy: AnyPolicy, facts: Facts, verdict: Verdict, question: Question) -> PlaceDemands | None:
    """What the policy asks of places; nothing where it is in a language that has no rules about them."""
    language, inputs = language_of(policy), verdict.inputs
    native = language.as_native(policy)
    if native is None:
        return None

    def judge(others: Facts) -> Verdict:
        return language.evaluate(policy, others, question, inputs.analyzer, inputs.snapshot)

    whole = native.with_exceptions(question.exceptions)
    return place_demands(whole, facts, verdict, question.deployment, judge)


def _analyzer(resources: ScanResources, inventory: Inventory) -> str:
    """The program that judges, with all from outside that decided what it found."""
    words = [_ANALYZER]
    if resources.corrections is not None:
        words.append(f"corrections {resources.corrections.digest}")
    if resources.jars is not None and any(IDENTIFIED in package.notes for package in inventory.packages):
        words.append(f"jar index {resources.jars.digest}")
    return ", ".join(words)


def _question(options: CheckOptions) -> Question:
    """How to judge, in the policy's words."""
    return Question(
        profile=profile_of(options.profile, options.without_quirks),
        context=options.context,
        unmapped=options.unmapped,
        digest=options.digest,
        exceptions=options.exceptions,
        deployment=_deployment(options),
    )


def _deployment(options: CheckOptions) -> Deployment:
    """What is known of where the image is to run."""
    context = options.context
    return Deployment(
        environment=options.environment,
        running_since=in_utc(context.running_since) if context.running_since is not None else None,
        first_seen={name: in_utc(moment) for name, moment in context.first_seen.items()},
    )


def profile_of(name: str, without: tuple[str, ...] = ()) -> Profile:
    """The profile of a name, less some quirks. Raises HullmarkError."""
    try:
        return PROFILES[name].without(*without)
    except (KeyError, ValueError) as error:
        raise HullmarkError(
            f"--profile: {error}", advice="there are native and compat; quirks are Q1 to Q41"
        ) from error


def _facts(scanned: ScanResult, wanted: Needs, now: datetime, options: CheckOptions, searched: Hits) -> Facts:
    inventory = scanned.inventory
    dockerfile = masked_dockerfile(options.dockerfile)
    return Facts(
        inventory=inventory,
        now=now,
        contents=contents_of(scanned, wanted),
        **of_facets({name: scanned.facets[name] for name in wanted.facets}),
        ghosts=wanted.ghosts,
        matches=_matches(scanned, wanted, now, options),
        reach=scanned.reach,
        dockerfile=_dockerfile(inventory, dockerfile) if wanted.dockerfile else None,
        dockerfile_text=dockerfile,
        searched=searched,
        reference=_reference(inventory) if options.tag is None else options.tag,
        isolation=_isolation(inventory, options),
    )


def _isolation(inventory: Inventory, options: CheckOptions) -> tuple[PlacedContainer, ...] | None:
    """The containers of the workloads that run the image; None where no workload was handed over. Raises HullmarkError."""
    if options.placed is not None or not options.workloads:
        return options.placed
    return placed_containers(options.workloads, inventory.source, options.tag or "", options.container)


def _matches(scanned: ScanResult, wanted: Needs, now: datetime, options: CheckOptions) -> Matches | None:
    """The matches, if they are needed. With a context that speaks for the advisories, and none at hand, there are none."""
    if not wanted.matches:
        return None
    source: AdvisorySource | None = options.advisories
    if source is not None:
        return match_scan(scanned, source, MatchOptions(at=now.astimezone(UTC).date().isoformat()))
    if options.context.vulnerability_data is None:
        return None
    inventory = scanned.inventory
    return Matches(source=inventory.source, distro=inventory.distro, snapshot=None, matches=(), unknown=())


def _with_data(context: Context, source: AdvisorySource | None) -> Context:
    """The context, with what the advisories at hand say of themselves where it does not."""
    if source is None or context.vulnerability_data is not None:
        return context
    try:
        built_at = datetime.fromisoformat(source.data_at) if source.data_at else None
    except ValueError:
        built_at = None
    data = VulnerabilityData(built_at=built_at, namespaces=tuple(sorted(source.namespaces)))
    return replace(context, vulnerability_data=data)


def _dockerfile(inventory: Inventory, given: str) -> Dockerfile | None:
    """The Dockerfile that was given, or what the history tells of it. Raises HullmarkError for another text."""
    if given.strip():
        return parse_dockerfile(given.encode("utf-8", "surrogatepass"))
    return from_history(inventory.config.history) if inventory.config is not None else None


def _reference(inventory: Inventory) -> str:
    """The tag that the image itself goes by."""
    source = inventory.source
    if source.tags:
        return source.tags[0]
    return source.reference if source.kind in _REFERENCES else ""
