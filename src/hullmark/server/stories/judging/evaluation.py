"""One judging: an image's verdict by one policy in one environment, and its transitions since the verdict before."""

from __future__ import annotations

import hashlib
import time
from collections.abc import Callable
from datetime import datetime
from typing import NamedTuple
from uuid import UUID

import msgspec

from hullmark._version import __version__
from hullmark.advisories.match.advisory_source import AdvisorySource
from hullmark.app.check import CheckOptions, CheckResult, judge_by
from hullmark.model.errors import HullmarkError
from hullmark.model.notice import CauseKind
from hullmark.model.verdict import Action, Finding, Outcome, Verdict, VerdictInputs
from hullmark.notify.causes import Scene, cause_of
from hullmark.notify.scene import Pair
from hullmark.notify.transitions import News, transitions_of
from hullmark.policy.days import next_midnight
from hullmark.policy.deadlines import GrantedGrace
from hullmark.policy.explain import advice_of_rule
from hullmark.policy.languages import AnyPolicy, language_of
from hullmark.policy.placed_rules import GATE
from hullmark.policy.rollout import Deployment
from hullmark.policy.rules import PolicyException
from hullmark.policy.verdict_diff import Lookup, compare, deciding, key_of
from hullmark.server.objects.objects import ObjectsUnreachable
from hullmark.server.stories.advisories.ends import when_it_ends
from hullmark.server.stories.images.analyse import means_of
from hullmark.server.stories.images.documents import KeptVerdict, put_verdict
from hullmark.server.stories.images.stored import StoredFacts
from hullmark.server.stories.judging.earlier import (
    Basis,
    Earlier,
    EarlierVerdict,
    as_compared,
    as_it_was,
    first_seen_of,
    named_exceptions,
)
from hullmark.server.stories.judging.exceptions import asked_for, exceptions_for, used_in
from hullmark.server.stories.judging.grants import placed_in
from hullmark.server.stories.judging.loaded import load_policy
from hullmark.server.stories.judging.selection import SelectedVersion
from hullmark.server.stories.services import Services
from hullmark.server.tables.images.images import HeldImage, ImageRow
from hullmark.server.tables.judging.deployments import running_since
from hullmark.server.tables.judging.policies import ExceptionRow, PolicyVersion
from hullmark.server.tables.judging.verdicts import JudgedVerdict, VerdictRow

ANALYZER = f"hullmark {__version__}"
_LONGEST_CLAUSE = 400
"""Characters of a finding that a gate repeats."""


class Inputs(msgspec.Struct, frozen=True, kw_only=True):
    """All that the verdicts of an image depend on, except for the moment and where it runs. `versions` are by their number.

    `ended` are exceptions that were ended by hand: they count no longer, and tell why something counts again.
    """

    image: ImageRow
    held: HeldImage
    chosen: tuple[SelectedVersion, ...]
    versions: dict[int, PolicyVersion]
    exceptions: tuple[ExceptionRow, ...]
    snapshot_digest: str
    snapshot_object: str
    snapshot_id: int | None = None
    ended: tuple[ExceptionRow, ...] = ()


class Evaluation(msgspec.Struct, frozen=True, kw_only=True):
    """One judging: an image as an account holds it, a version of a policy, and where and when. `compared`: the verdict before."""

    account_id: int
    inputs: Inputs
    chosen: SelectedVersion
    now: datetime
    cause: str
    earlier: Earlier
    compared: EarlierVerdict | None

    @property
    def version(self) -> PolicyVersion:
        """What judges."""
        return self.inputs.versions[self.chosen.activation.version_id]


class TurnCause(NamedTuple):
    """Why a verdict says another word than the one `before`: the kind of the cause, and its sentence."""

    before: str
    kind: CauseKind
    sentence: str


class NewVerdict(msgspec.Struct, frozen=True, kw_only=True):
    """A verdict that is to be written down, and what happened to the image by it. `granted`: what it may start in spite of, until when;
    `excepted`: the exceptions that cover findings of it; `turn`: why it says another word (None: it does not); `seconds` the processor
    time that it took; `has_other_signatures`: rules were handed others than before."""

    judged: JudgedVerdict
    policy: str
    news: tuple[News, ...] = ()
    turn: TurnCause | None = None
    granted: tuple[GrantedGrace, ...] = ()
    excepted: tuple[UUID, ...] = ()
    seconds: float = 0.0
    has_other_signatures: bool = False


def digest_of_exceptions(rows: tuple[ExceptionRow, ...]) -> str:
    """Names a set of exceptions by what they say; "" for none."""
    if not rows:
        return ""
    listed = sorted(msgspec.json.encode((str(row.id), row.body), order="sorted") for row in rows)
    return "sha256:" + hashlib.sha256(b"\n".join(listed)).hexdigest()


class JudgingSources(NamedTuple):
    """The advisories that count, a look-up in those of earlier verdicts, and when the former became known."""

    advisories: AdvisorySource | None
    lookup: Lookup
    known_at: datetime | None


def judge_case(services: Services, facts: StoredFacts, case: Evaluation, sources: JudgingSources) -> NewVerdict:
    """The verdict of one case with the image's transitions; its findings are put into the object store."""
    source, lookup, known_at = sources
    began = time.thread_time()
    inputs, chosen, compared, version = case.inputs, case.chosen, case.compared, case.version
    before = _before(services, case)
    checked = verdict_of(services, facts, case, source, before)
    verdict = kept_of(checked.verdict, case, before)
    granted = _granted_to_the_image(checked)
    basis = Basis(version.digest, inputs.snapshot_digest, ANALYZER)
    judged = JudgedVerdict(
        account_id=case.account_id,
        image_id=inputs.image.id,
        policy_id=version.policy_id,
        policy_version=version.version,
        environment=chosen.activation.environment,
        reference=chosen.reference,
        is_shadow=chosen.activation.is_shadow,
        verdict=verdict.verdict.value,
        reason=verdict.reason,
        stops=count_of(verdict, Action.STOP),
        warns=count_of(verdict, Action.WARN),
        document=put_verdict(services.objects, verdict),
        image_digest=inputs.image.digest,
        policy_digest=version.digest,
        exceptions_digest=digest_of_exceptions(inputs.exceptions),
        snapshot_digest=inputs.snapshot_digest,
        analyzer=ANALYZER,
        cause=case.cause,
        at=case.now,
        next_at=checked.next_at,
        has_unknowns=verdict.has_unknowns,
        snapshot_id=inputs.snapshot_id,
        finding_count=len(verdict.findings),
        grace_until=min((grace.until for grace in granted), default=None),
        grace_reason=_what_grace_is_for(granted),
        demands=msgspec.json.encode(checked.demands).decode() if checked.demands is not None else None,
    )
    excepted = used_in(inputs.exceptions, version.name, chosen.reference, verdict.findings)
    made = NewVerdict(judged=judged, policy=version.name, granted=checked.granted, excepted=excepted)
    if before is None or compared is None:
        return msgspec.structs.replace(made, seconds=checked.seconds + time.thread_time() - began)
    after = as_compared(verdict, inputs.image.digest, basis)
    news, turn = _news_of(case, Pair(before, after), scene_of(case, (before, after), known_at), lookup)
    settles = compared.row.id if _says_the_same(compared.row, before, judged, verdict) else None
    judged = msgspec.structs.replace(judged, settles=settles)
    seconds = checked.seconds + time.thread_time() - began
    is_other = before.inputs.signatures != verdict.inputs.signatures
    made = msgspec.structs.replace(made, has_other_signatures=is_other)
    return msgspec.structs.replace(made, judged=judged, news=news, turn=turn, seconds=seconds)


def _granted_to_the_image(checked: CheckResult) -> tuple[GrantedGrace, ...]:
    """The grace that counts. Gates judge places themselves: there, it is for what is in the image."""
    return tuple(grace for grace in checked.granted if checked.demands is None or grace.finding.gate != GATE)


def _news_of(case: Evaluation, pair: Pair, scene: Scene, lookup: Lookup) -> tuple[tuple[News, ...], TurnCause | None]:
    """What is told of a verdict, and why it says another word; nothing of one that is not in force."""
    if case.chosen.activation.is_shadow:
        return (), None
    news = transitions_of(pair.before, pair.after, scene, lookup)
    return news, _turn(pair, news, scene, lookup)


def _turn(pair: Pair, news: tuple[News, ...], scene: Scene, lookup: Lookup) -> TurnCause | None:
    """Why the verdict says another word: as people are told of it, or where they are told of nothing, what the two differ in."""
    if pair.before.verdict is pair.after.verdict:
        return None
    if news:
        cause = news[0].cause
    else:
        difference = compare(pair.before, pair.after, lookup)
        cause = cause_of(difference.cause, difference.compared, deciding(difference), pair, scene)
    return TurnCause(pair.before.verdict.value, cause.kind, cause.sentence)


def _what_grace_is_for(granted: tuple[GrantedGrace, ...]) -> str:
    """A clause for those who may not start the image in spite of it."""
    if not granted:
        return ""
    first = min(granted, key=lambda grace: (grace.until, grace.finding.rule_id, grace.finding.subject)).finding
    more = f", and {len(granted) - 1} more" if len(granted) > 1 else ""
    return f"{first.message[:_LONGEST_CLAUSE]} ({first.rule_id}){more}"


def _before(services: Services, case: Evaluation) -> KeptVerdict | None:
    if case.compared is None:
        return None
    row = case.compared.row
    snapshot = case.inputs.snapshot_digest if row.id in case.earlier.carried else row.snapshot_digest
    return as_it_was(services.objects, row, snapshot)


def _says_the_same(row: VerdictRow, before: KeptVerdict, judged: JudgedVerdict, after: KeptVerdict) -> bool:
    """Whether an incrementally updated verdict equals the full one."""
    names = ("policy_id", "environment", "image_digest", "policy_digest", "exceptions_digest", "snapshot_digest")
    if row.changes is None or any(
        getattr(row, name) != getattr(judged, name) for name in (*names, "analyzer", "reference")
    ):
        return False
    if before.inputs.signatures != after.inputs.signatures:
        return False
    listed = [sorted((key_of(finding), finding.action) for finding in verdict.findings) for verdict in (before, after)]
    return row.verdict == judged.verdict and listed[0] == listed[1]


def scene_of(case: Evaluation, pair: tuple[KeptVerdict, KeptVerdict], known_at: datetime | None) -> Scene:
    """The judged image and policy, as notices name them."""
    inputs, active, compared, version = case.inputs, case.chosen.activation, case.compared, case.version
    before, after = pair
    seen: dict[CauseKind, datetime] = {"policy": active.created_at}
    if known_at is not None:
        seen["advisory"] = known_at
    if compared is not None and compared.at is not None:
        seen["image"] = compared.at
    return Scene(
        image_id=inputs.image.id,
        image_digest=inputs.image.digest,
        policy_id=version.policy_id,
        policy=version.name,
        environment=active.environment,
        reference=(compared.reference if compared is not None else "") or case.chosen.reference,
        at=case.now,
        snapshot=str(inputs.snapshot_id or ""),
        activation=str(active.id),
        is_moved=compared is not None and compared.is_moved,
        seen=seen,
        exceptions=named_exceptions((*inputs.ended, *inputs.exceptions)),
        is_redeployed=before.running_since != after.running_since,
        first_seen=after.first_seen,
        advice=advice_by(version.text),
    )


def advice_by(text: str) -> Callable[[Finding], str]:
    """What a policy says to do about its findings; "" where it cannot say."""
    try:
        policy = load_policy(text)
    except HullmarkError:
        return lambda finding: ""
    native = language_of(policy).as_native(policy)
    rules = {rule.id: rule for rule in native.rules} if native is not None else {}
    return lambda finding: advice_of_rule(finding, rules.get(finding.rule_id)) if rules else ""


def verdict_of(
    services: Services,
    facts: StoredFacts,
    case: Evaluation,
    source: AdvisorySource | None,
    before: KeptVerdict | None = None,
) -> CheckResult:
    """What the case's policy says. If it cannot say anything the verdict is `unknown`, with the reason. Raises ObjectsUnreachable.

    Where the image runs, grace goes by when its findings were first met: those that are new, now.
    """
    inputs, version = case.inputs, case.version
    try:
        exceptions = exceptions_for(inputs.exceptions, version.name, case.chosen.reference)
        policy = load_policy(version.text)
        runs = Deployment(running_since=_running_since(case), first_seen=_known_since(case, before))
        options = _options(case, source, exceptions, runs)
        checked = judge_by(facts.look, policy, case.now, means_of(services), options, facts.look_beside)
        fresh = {
            finding.trigger_id: case.now
            for finding in checked.verdict.findings
            if finding.trigger_id not in runs.first_seen
        }
        if runs.running_since is None or not fresh:
            return _until_it_ends(checked, policy, case.now, source)
        runs = Deployment(running_since=runs.running_since, first_seen={**fresh, **runs.first_seen})
        options = _options(case, source, exceptions, runs)
        again = judge_by(facts.look, policy, case.now, means_of(services), options, facts.look_beside)
        again = msgspec.structs.replace(again, seconds=checked.seconds + again.seconds)
        return _until_it_ends(again, policy, case.now, source)
    except ObjectsUnreachable:
        raise  # it passes, and says nothing of the image
    except HullmarkError as error:
        verdict_inputs = VerdictInputs(
            image=inputs.image.digest,
            policy=version.digest,
            snapshot=inputs.snapshot_digest or None,
            analyzer=ANALYZER,
            at=case.now.isoformat(),
        )
        reason = f"it cannot be judged: {error}"
        verdict = Verdict(
            verdict=Outcome.UNKNOWN, reason=reason, findings=(), problems=(), inputs=verdict_inputs, has_unknowns=True
        )
        # It may be mended by tomorrow.
        return CheckResult(verdict, facts.analysis.inventory, next(next_midnight(case.now), None))


def _until_it_ends(
    checked: CheckResult, policy: AnyPolicy, now: datetime, source: AdvisorySource | None
) -> CheckResult:
    """A verdict that is made again when the image's release ends, if the policy asks for vulnerabilities."""
    if source is None or not language_of(policy).depends_on_ends(policy):
        return checked
    moments = [moment for moment in (checked.next_at, when_it_ends(checked.inventory.distro, source, now)) if moment]
    return msgspec.structs.replace(checked, next_at=min(moments, default=None))


def _options(
    case: Evaluation, source: AdvisorySource | None, exceptions: tuple[PolicyException, ...], runs: Deployment
) -> CheckOptions:
    """How the case is judged. What the image is granted where it runs is handed over to policies that ask for it."""
    options = asked_for(case.chosen, case.inputs.held, source, exceptions, runs)
    if "isolation" not in case.version.text:
        return options
    placed = placed_in(case.earlier.grants, case.chosen.activation.environment)
    return msgspec.structs.replace(options, placed=placed, wants_demands=True)


def _running_since(case: Evaluation) -> datetime | None:
    return running_since(case.earlier.deployments, case.chosen.activation.environment)


def _known_since(case: Evaluation, before: KeptVerdict | None) -> dict[str, datetime]:
    """Since when what is found is known, of what was found before. What was found in another image says nothing of this one."""
    if before is None or case.compared is None or case.compared.is_moved:
        return {}
    return first_seen_of(before, case.compared.row.at)


def kept_of(verdict: Verdict, case: Evaluation, before: KeptVerdict | None) -> KeptVerdict:
    """The verdict as it is stored: with the first sight of its findings, also of those that are unknown for now."""
    known = _known_since(case, before)
    found = {finding.trigger_id: case.now for finding in verdict.findings}
    first_seen = {name: known.get(name, moment) for name, moment in found.items()}
    if verdict.has_unknowns:
        first_seen = {**known, **first_seen}
    values = {name: getattr(verdict, name) for name in Verdict.__struct_fields__}
    return KeptVerdict(
        **values,
        first_seen=dict(sorted(first_seen.items())),
        running_since=_running_since(case),
        extractors=case.inputs.image.fingerprint,
    )


def count_of(verdict: Verdict, action: Action) -> int:
    """How many findings ask for an action and count."""
    return sum(finding.action is action and finding.allowlisted is None for finding in verdict.findings)
