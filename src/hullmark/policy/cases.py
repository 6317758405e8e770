r"""Test cases of policies: a YAML document with images, described or named, and the verdict a policy must give on them.

schema: hullmark-policy-tests/1
cases:
  - name: an image that runs as root is stopped
    recipe:
      packages: [pkg:deb/debian/bash@5.2-1]
      files: {/etc/os-release: "ID=debian\nVERSION_ID=12\n"}
    expect:
      verdict: stop
      findings: [{rule: not-root, subject: user}]
"""

from __future__ import annotations

from collections.abc import Sequence
from typing import Annotated, Any, Literal

import msgspec
from msgspec import Meta

from hullmark.model.advisory import Severity
from hullmark.model.verdict import Action, Finding, Outcome, Verdict
from hullmark.policy.decode import Mistakes, read_struct
from hullmark.policy.document import Node
from hullmark.policy.native import InvalidPolicy
from hullmark.policy.values import Mode, NameGlob, Size

TESTS_SCHEMA = "hullmark-policy-tests/1"

_Id = Annotated[int, Meta(ge=0, le=2**31)]


class RecipeFile(msgspec.Struct, frozen=True, kw_only=True):
    """A file, folder or link. `text` or `base64` is the file's content, `target` the path a link points to.

    `capabilities` are those that the file has as permitted and effective, such as cap_net_raw.
    """

    text: str | None = None
    base64: str | None = None
    mode: Mode | None = None
    uid: _Id = 0
    gid: _Id = 0
    type: Literal["file", "dir", "symlink"] = "file"
    target: str = ""
    capabilities: tuple[str, ...] = ()


class RecipeLayer(msgspec.Struct, frozen=True, kw_only=True):
    """What a layer adds and removes, and the instruction that made it. The value of a file may be just its text.

    `size` is the stored size to use for the layer, if not its real one.
    """

    files: dict[str, Node] = {}
    remove: tuple[str, ...] = ()
    created_by: str = ""
    size: Size | None = None


class RecipeSettings(msgspec.Struct, frozen=True, kw_only=True):
    """The settings that the image runs with."""

    user: str = ""
    env: tuple[str, ...] = ()
    entrypoint: tuple[str, ...] = ()
    cmd: tuple[str, ...] = ()
    ports: tuple[str, ...] = ()
    volumes: tuple[str, ...] = ()
    labels: dict[str, str] = {}
    healthcheck: tuple[str, ...] | None = None
    working_dir: str = ""
    created: str = ""
    platform: str = "linux/amd64"


class Weakness(msgspec.Struct, frozen=True, kw_only=True):
    """A vulnerability of one of the packages, named by its purl. `fix` is the version that fixes it, "" if there is none.

    `epss` is a probability from 0 to 1, `cvss` a vector, `since` and `fixed_since` are days such as 2026-01-31.
    """

    package: str
    id: str
    severity: Severity = "unknown"
    fix: str = ""
    will_not_fix: bool = False
    exploited: bool = False
    epss: str = ""
    cvss: str = ""
    since: str = ""
    fixed_since: str = ""


class MalwareReport(msgspec.Struct, frozen=True, kw_only=True):
    """What a malware scanner reports. `found` maps paths to signatures; `unscanned` maps paths to clauses that say why they were not
    scanned.

    `signatures_at` is the day of its signatures, "" if it is not given.
    """

    found: dict[str, str] = {}
    engine: str = "clamav"
    signatures_at: str = ""
    unscanned: dict[str, str] = {}


class SignatureReport(msgspec.Struct, frozen=True, kw_only=True):
    """The signatures on the image: bundles or envelopes, as JSON, about the digest that stands for it (`subject`). `keys` and Sigstore's
    `trusted_root` are the ones trusted.
    """

    subject: str = ""
    documents: tuple[str, ...] = ()
    keys: tuple[str, ...] = ()
    trusted_root: str = ""


class Recipe(msgspec.Struct, frozen=True, kw_only=True):
    """A description of an image. It is scanned like any image, so what its files contain is found there.

    `packages` are purls that count as installed in addition; `licenses` gives their licences, by purl. `files` is a layer on top of
    `layers`.
    """

    layers: tuple[RecipeLayer, ...] = ()
    files: dict[str, Node] = {}
    settings: RecipeSettings = RecipeSettings()
    packages: tuple[str, ...] = ()
    licenses: dict[str, tuple[str, ...]] = {}
    dockerfile: str | None = None


class ExpectedFinding(msgspec.Struct, frozen=True, kw_only=True):
    """A finding that must exist. Fields that are left out match anything."""

    rule: str
    subject: NameGlob | None = None
    action: Action | None = None


class Expectation(msgspec.Struct, frozen=True, kw_only=True):
    """The verdict the policy must give. `only`: no counting finding may exist besides `findings`. `absent` are rules that must not fire."""

    verdict: Outcome
    findings: tuple[ExpectedFinding, ...] = ()
    absent: tuple[str, ...] = ()
    only: bool = False
    reason: str = ""


class Case(msgspec.Struct, frozen=True, kw_only=True):
    """One image and the verdict expected for it. Exactly one of `recipe`, `inventory` (a file) and `image` (a source) must be given.

    `tag` is the name it is judged under, `at` the time that counts as now. `running_since` and `first_seen` are used for grace. `no_data`
    are the purls of packages without any advisory data. `malware` is a scanner's report (left out: there was no scanner). `workload` is the
    text of a manifest whose containers all use the image ("": none was given). `signatures` are the signatures on the image (left out:
    nobody looked).
    """

    name: str
    expect: Expectation
    recipe: Recipe | None = None
    inventory: str = ""
    image: str = ""
    vulnerabilities: tuple[Weakness, ...] | None = None
    no_data: tuple[str, ...] = ()
    malware: MalwareReport | None = None
    workload: str = ""
    signatures: SignatureReport | None = None
    tag: str = ""
    environment: str = ""
    at: str = "2026-01-01T00:00:00Z"
    running_since: str = ""
    first_seen: dict[str, str] = {}

    def __post_init__(self) -> None:
        if sum((self.recipe is not None, bool(self.inventory), bool(self.image))) != 1:
            raise ValueError("expected one of recipe, inventory and image")


class _Document(msgspec.Struct, frozen=True, kw_only=True):
    schema: str
    cases: tuple[Case, ...]
    policy: str = ""


class Cases(msgspec.Struct, frozen=True):
    """The cases of a document, and the policy it names ("": the policy beside it)."""

    cases: tuple[Case, ...]
    policy: str = ""


def read_cases(root: Node, file: str = "") -> Cases:
    """Read the cases of a document. Raises InvalidPolicy with every mistake in it."""
    mistakes = Mistakes(file=file)
    document = read_struct(root, _Document, "", mistakes)
    if document is not None and document.schema != TESTS_SCHEMA:
        mistakes.add(root, "schema", f"expected {TESTS_SCHEMA}, not {document.schema[:60]!r}")
    if document is not None and len({case.name for case in document.cases}) < len(document.cases):
        mistakes.add(root, "cases", "two cases have the same name")
    if document is None or mistakes.found:
        raise InvalidPolicy(mistakes.found)
    return Cases(document.cases, document.policy)


def read_file(node: Node) -> RecipeFile:
    """A file of a recipe: just its text, or an object with more fields. Raises InvalidPolicy."""
    if node.value is None or isinstance(node.value, str):
        return RecipeFile(text=node.value or "")
    mistakes = Mistakes()
    made = read_struct(node, RecipeFile, "files", mistakes)
    if made is None:
        raise InvalidPolicy(mistakes.found)
    return made


def differences(expected: Expectation, verdict: Verdict) -> tuple[str, ...]:
    """The differences from what was expected, a sentence each."""
    found: list[str] = []
    if verdict.verdict is not expected.verdict:
        found.append(f"the verdict is {verdict.verdict.value}, not {expected.verdict.value}: {verdict.reason}")
    if expected.reason and expected.reason not in verdict.reason:
        found.append(f"the reason is {verdict.reason!r}, and does not say {expected.reason!r}")
    for wanted in expected.findings:
        if not any(_is(wanted, finding) for finding in verdict.findings):
            found.append(f"there is no finding of {_words(wanted)}{_instead(wanted, verdict.findings)}")
    for finding in verdict.findings:
        if finding.rule_id in expected.absent:
            found.append(f"the rule {finding.rule_id} must not fire, and does on {finding.subject}")
        elif expected.only and finding.action is not Action.GO and not any(_is(w, finding) for w in expected.findings):
            found.append(f"the rule {finding.rule_id} fires on {finding.subject}, which is not expected")
    return tuple(found)


def _is(wanted: ExpectedFinding, finding: Finding) -> bool:
    return (
        wanted.rule == finding.rule_id
        and wanted.action in (None, finding.action)
        and (wanted.subject is None or wanted.subject.matches(finding.subject))
    )


def _words(wanted: ExpectedFinding) -> str:
    words: list[Any] = [f"the rule {wanted.rule}"]
    words += [f"about {wanted.subject}"] if wanted.subject is not None else []
    words += [f"with the action {wanted.action.value}"] if wanted.action is not None else []
    return " ".join(words)


def _instead(wanted: ExpectedFinding, findings: Sequence[Finding]) -> str:
    near = [f"{finding.subject} ({finding.action.value})" for finding in findings if finding.rule_id == wanted.rule]
    return f"; it fires on {', '.join(near[:3])}" if near else ""
