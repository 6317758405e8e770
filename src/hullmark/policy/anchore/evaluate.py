"""Evaluates an Anchore policy on the facts of an image, which gives a verdict.

The first mapping that matches an image decides which rule sets and allowlists apply. A rule that cannot be judged never keeps the others
from being judged. An image on the denied list stops and one on the allowed list passes, whatever the rules find.
"""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from dataclasses import dataclass, field, replace
from datetime import UTC, datetime
from itertools import islice

from msgspec import structs

from hullmark.model.guard import guard_call
from hullmark.model.limit import Limit
from hullmark.model.problem import Problem
from hullmark.model.verdict import Action, Finding, Outcome, PolicyProblem, Verdict, VerdictInputs
from hullmark.policy.anchore.allowlists import Exceptions
from hullmark.policy.anchore.bundle import Bundle, Rule, RuleSet
from hullmark.policy.anchore.completeness import untold
from hullmark.policy.anchore.facts import AnchoreFacts
from hullmark.policy.anchore.failure import RuleFailed
from hullmark.policy.anchore.mappings import chosen_mapping, means
from hullmark.policy.anchore.mistake import Mistake
from hullmark.policy.anchore.profile import Profile
from hullmark.policy.anchore.regexes import Work
from hullmark.policy.anchore.select import Image, image_of
from hullmark.policy.anchore.trigger import Note, Trigger, TriggerMatch, legacy_id
from hullmark.policy.anchore.unknowns import with_unknowns
from hullmark.policy.facts import Facts
from hullmark.policy.gate import CannotTell, Need, trigger_id
from hullmark.policy.question import NATIVELY, Question
from hullmark.policy.rules import PolicyException

MAX_FINDINGS = Limit(
    100_000, "findings of one rule of Anchore's language; a rule that fires more often cannot be judged"
)
"""As many findings of one rule are listed; a rule that fires more often cannot be judged."""

_MAX_PROBLEMS = Limit(1000, "problems of a verdict by Anchore's language", "shortened")
_ROOM = "policy"
_ORDER = {Action.STOP: 0, Action.WARN: 1, Action.GO: 2}
_NO_ADVISORIES = "there are no advisories to match its packages with: fetch them with hullmark db update, or name some"
_LACKING = (
    (Need.FILES, "the image's files were not listed"),
    (Need.CONFIG, "the image's settings could not be read"),
    (Need.MATCHES, _NO_ADVISORIES),
)


@dataclass(slots=True)
class _Run:
    """The results so far. `has_unknowns`: the outcome does not follow from the findings alone."""

    findings: list[Finding] = field(default_factory=list)
    problems: list[PolicyProblem] = field(default_factory=list)
    failed: list[str] = field(default_factory=list)
    untold: list[str] = field(default_factory=list)
    has_unknowns: bool = False

    def note(self, reason: str, problem_type: str, path: str = "") -> None:
        if len(self.problems) < _MAX_PROBLEMS:
            self.problems.append(PolicyProblem(path, -1, _ROOM, reason, "note", problem_type=problem_type))


@dataclass(frozen=True, slots=True)
class _RuleContext:
    """What the rules of an image are judged with: its facts, the allowlists that apply, and the format of the policy."""

    facts: AnchoreFacts
    exceptions: Exceptions
    format: str


def evaluate_bundle(
    bundle: Bundle, facts: Facts, question: Question = NATIVELY, *, analyzer: str, snapshot: str | None = None
) -> Verdict:
    """Judge an image."""
    run = _Run()
    anchore = AnchoreFacts(facts=facts, profile=question.profile, context=question.context)
    source = facts.inventory.source
    image = image_of(facts.reference, question.digest or source.digest, source.config_digest)
    try:
        outcome, reason = _judge(bundle, image, anchore, question, run)
    except RuleFailed as failure:
        outcome, reason = _stop_evaluation(
            run, question, f"it cannot be told which mapping fits: {failure}", "ValidationError"
        )
    moment = facts.now.astimezone(UTC).isoformat(timespec="seconds").replace("+00:00", "Z")
    return Verdict(
        verdict=outcome,
        reason=reason,
        findings=tuple(sorted(run.findings, key=_finding_order)),
        problems=(
            *sorted(run.problems, key=_problem_order),
            *sorted(_of_image(facts, question.profile), key=_problem_order),
        ),
        inputs=VerdictInputs(
            image=image.digest or source.config_digest or source.reference,
            policy=bundle.digest,
            snapshot=snapshot,
            analyzer=analyzer,
            at=moment,
        ),
        has_unknowns=run.has_unknowns,
    )


def _of_image(facts: Facts, profile: Profile) -> Iterable[Problem]:
    """Problems from reading the image. The original's rules ignore them, so under `compat` everything those rules did not know is added
    beside the findings.
    """
    return with_unknowns(facts) if profile.is_compat else facts.inventory.problems


def _judge(bundle: Bundle, image: Image, facts: AnchoreFacts, question: Question, run: _Run) -> tuple[Outcome, str]:
    mapping, mistakes = chosen_mapping(bundle, image, facts)
    fatal = _note_mistakes(mistakes, facts.profile, run)
    run.has_unknowns = bool(fatal) or mapping is None
    if fatal:
        count = f"{len(fatal)} mistakes" if len(fatal) > 1 else "a mistake"
        return Outcome.STOP, _reason(facts, "policy_evaluation", f"the policy has {count}: {fatal[0]}")
    if mapping is None:
        outcome, sentence = _answer_without_mapping(image, facts, question, run)
    else:
        rule_sets = [_by_id(bundle.rule_sets, name) for name in mapping.rule_sets]
        lists = [
            next(allowlist for allowlist in bundle.allowlists if allowlist.id == name) for name in mapping.allowlists
        ]
        context = _RuleContext(facts, Exceptions(lists, facts.now), bundle.format)
        for rule_set in rule_sets:
            for rule in rule_set.rules:
                _apply(rule, rule_set, context, run)
        run.findings = [_apply_exceptions(finding, question.exceptions, facts.now) for finding in run.findings]
        outcome, sentence = _outcome(run, question)
        run.has_unknowns = bool(run.failed or run.untold)
    for entries, verdict, word in (
        (bundle.denied_images, Outcome.STOP, "blacklisted"),
        (bundle.allowed_images, Outcome.GO, "whitelisted"),
    ):
        entry = next((entry for entry in entries if means(entry, image, facts)), None)
        if entry is not None:
            run.has_unknowns = True
            kind = "denied" if word == "blacklisted" else "allowed"
            return verdict, _reason(facts, word, f"the image is on the list of {kind} images, by {entry.path}")
    return outcome, _reason(facts, "policy_evaluation", sentence)


def _note_mistakes(mistakes: Iterable[Mistake], profile: Profile, run: _Run) -> list[Mistake]:
    """Note the mistakes that count, and return those that make judging impossible."""
    counted = [mistake for mistake in mistakes if mistake.counts(profile)]
    for mistake in counted:
        run.note(str(mistake), mistake.problem_type)
    return [mistake for mistake in counted if mistake.is_fatal]


def _by_id(rule_sets: Sequence[RuleSet], name: str) -> RuleSet:
    return next(rule_set for rule_set in rule_sets if rule_set.id == name)


def _answer_without_mapping(image: Image, facts: AnchoreFacts, question: Question, run: _Run) -> tuple[Outcome, str]:
    name = f"{image.registry}/{image.repository}:{image.tag}" if facts.facts.reference else "an image without a tag"
    sentence = f"no mapping of the policy fits {name}"
    if facts.keeps("Q1"):
        run.note(f"{sentence}: nothing was judged", "NoMatchedMappingWarning")
        return Outcome.GO, sentence
    run.note(f"{sentence}; add one, or say what such images come to with --unmapped", "NoMatchedMappingWarning")
    return question.unmapped, f"{sentence}, so nothing was judged"


def _apply(rule: Rule, rule_set: RuleSet, context: _RuleContext, run: _Run) -> None:
    if rule.check is None:
        return
    # Each rule has its own budget, so that a slow rule cannot use up that of the others.
    own = replace(context, facts=replace(context.facts, rule_id=rule.id, work=Work()))
    name = f"{rule_set.id}/{rule.id or rule.gate}"

    def note_failure(error: Exception) -> list[Finding]:
        is_told = isinstance(error, RuleFailed)
        what = str(error) if is_told else f"its gate has a defect ({type(error).__name__}: {error})"
        run.failed.append(name)
        run.note(f"the rule {name} cannot be judged: {what}", "TriggerEvaluationError")
        return []

    check = rule.check
    run.findings += guard_call(lambda: _judge_rule(rule, check, rule_set, own, run), note_failure)


def _judge_rule(rule: Rule, check: Trigger, rule_set: RuleSet, context: _RuleContext, run: _Run) -> list[Finding]:
    """The findings of a rule. What it cannot decide is noted in `run`. Raises RuleFailed."""
    facts = context.facts
    name = f"{rule_set.id}/{rule.id or rule.gate}"
    missing = lacking(check, facts)
    if missing:
        _cannot_tell(CannotTell(missing), name, facts, run)
        return []
    findings: list[Finding] = []
    answers = list(islice(check.check(rule.values, facts), MAX_FINDINGS + 1))
    if len(answers) > MAX_FINDINGS:
        raise RuleFailed(f"it fires more than {MAX_FINDINGS} times")
    gaps = () if facts.profile.is_compat else untold(check, rule.values, facts)
    for answer in (*answers, *gaps):
        if isinstance(answer, TriggerMatch):
            findings.append(_finding(answer, rule, rule_set, context))
        elif isinstance(answer, Note):
            run.note(f"rule {name}: {answer.reason}", "", answer.path)
        else:
            _cannot_tell(answer, name, facts, run)
    return findings


def lacking(trigger: Trigger, facts: AnchoreFacts) -> str:
    """A sentence for the first missing fact that the trigger needs; "" if all are present."""
    inventory = facts.facts.inventory
    there = {
        Need.FILES: inventory.files is not None,
        Need.CONFIG: inventory.config is not None,
        Need.MATCHES: facts.facts.matches is not None,
    }
    return next((sentence for need, sentence in _LACKING if need in trigger.needs and not there[need]), "")


def _cannot_tell(answer: CannotTell, name: str, facts: AnchoreFacts, run: _Run) -> None:
    path = answer.evidence[0].path if answer.evidence else ""
    run.note(f"the rule {name} cannot be judged: {answer.reason}", "TriggerEvaluationError", path)
    if facts.profile.is_compat:
        run.failed.append(name)
    else:
        run.untold.append(name)


def _finding(fired: TriggerMatch, rule: Rule, rule_set: RuleSet, context: _RuleContext) -> Finding:
    facts = context.facts
    trigger = rule.check.name if rule.check is not None else rule.trigger
    message = fired.legacy_message or fired.message
    legacy = fired.legacy_id or legacy_id(rule.gate, trigger, message)
    stable = trigger_id(rule.gate, trigger, fired.subject)
    ids = [legacy]
    if context.format == "2" and not fired.legacy_id:
        ids.append(legacy_id(rule.gate, rule.trigger, message))
    if not facts.profile.is_compat:
        ids.append(stable)
    covered = context.exceptions.covering(rule.gate, ids, facts.work)
    return Finding(
        gate=rule.gate,
        trigger=rule.trigger,
        trigger_id=legacy if facts.profile.is_compat else stable,
        action=Action.GO if covered is not None else rule.action,
        message=fired.message,
        subject=fired.subject,
        rule_id=rule.id,
        evidence=tuple(sorted(fired.evidence)),
        allowlisted=covered,
        legacy_id=legacy,
        stable_id=stable,
        policy_id=rule_set.id,
        recommendation=rule.recommendation,
        weakness=fired.weakness,
    )


def _apply_exceptions(finding: Finding, exceptions: Sequence[PolicyException], now: datetime) -> Finding:
    """The finding, marked as not counting if one of the exceptions covers it now."""
    covering = next(
        (
            exception
            for exception in exceptions
            if exception.rule == finding.rule_id
            and now < exception.expires.ends
            and exception.subject.matches(finding.subject)
        ),
        None,
    )
    if covering is None or finding.allowlisted is not None:
        return finding
    return structs.replace(finding, action=Action.GO, allowlisted=covering.described())


def _outcome(run: _Run, question: Question) -> tuple[Outcome, str]:
    counts = {action: sum(finding.action is action for finding in run.findings) for action in Action}
    if counts[Action.STOP]:
        return Outcome.STOP, f"{_count(counts[Action.STOP], 'finding')} to stop for"
    if run.failed and question.on_failure is Outcome.STOP:
        return Outcome.STOP, f"{_count(len(run.failed), 'rule')} cannot be judged, {run.failed[0]} among them"
    if run.untold or (run.failed and question.on_failure is Outcome.UNKNOWN):
        untold = list(dict.fromkeys((*run.untold, *run.failed)))
        return Outcome.UNKNOWN, f"{_count(len(untold), 'rule')} cannot be judged, {untold[0]} among them"
    if counts[Action.WARN] or (run.failed and question.on_failure is Outcome.WARN):
        return Outcome.WARN, _count(counts[Action.WARN], "warning")
    excepted = sum(finding.allowlisted is not None for finding in run.findings)
    note = f"; {_count(excepted, 'finding')} excepted" if excepted else ""
    return Outcome.GO, f"nothing to stop or warn for{note}"


def _stop_evaluation(run: _Run, question: Question, sentence: str, problem_type: str) -> tuple[Outcome, str]:
    run.has_unknowns = True
    run.note(sentence, problem_type)
    return Outcome.STOP, "policy_evaluation" if question.profile.is_compat else sentence


def _reason(facts: AnchoreFacts, word: str, sentence: str) -> str:
    """The original's word in the compat profile, otherwise the sentence."""
    return word if facts.profile.is_compat else sentence


def _count(number: int, noun: str) -> str:
    return f"{number} {noun}" if number == 1 else f"{number} {noun}s"


def _finding_order(finding: Finding) -> tuple[object, ...]:
    key = (finding.gate, finding.trigger, finding.subject, finding.policy_id, finding.rule_id, finding.message)
    return (_ORDER[finding.action], *key)


def _problem_order(problem: object) -> tuple[object, ...]:
    return tuple(getattr(problem, name) for name in ("path", "layer", "room", "reason", "kind"))
