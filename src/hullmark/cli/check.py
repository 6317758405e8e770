"""`hullmark check`: may this image be deployed?"""

from __future__ import annotations

import argparse
from contextlib import AbstractContextManager, nullcontext
from typing import TYPE_CHECKING

from hullmark.cli.output import add_output, wanted_outputs, write
from hullmark.cli.progress import progress
from hullmark.cli.server_options import add_server_options
from hullmark.cli.settings import (
    SOURCES,
    Settings,
    add_advisory_options,
    add_moments,
    add_policy_options,
    add_scanner_options,
    add_secret_options,
    add_source,
    add_source_options,
    known_moment,
    moment,
    settings_of,
)
from hullmark.cli.signing import add_signing_options, in_whole_seconds, signing_of
from hullmark.cli.workload_options import add_workload_options, refuse_workload, workloads_of

if TYPE_CHECKING:
    from datetime import datetime

    from hullmark.app.check import CheckOptions
    from hullmark.model.verdict import Verdict
    from hullmark.policy.languages import AnyPolicy

NAME = "check"
HELP = "judge an image by a policy: go, warn, stop or unknown"
EPILOG = (
    """\
examples
  hullmark policy init policy.yaml               a policy to begin with
  hullmark check --policy policy.yaml nginx:1.27
  hullmark check --policy policy.yaml --explain -o html=verdict.html nginx:1.27

"""
    + SOURCES
)

_EXIT = {"go": 0, "warn": 0, "stop": 1, "unknown": 3}
_FAILING = {"stop": ("stop",), "warn": ("stop", "warn")}


def add_arguments(parser: argparse.ArgumentParser) -> None:
    """The verb's own arguments."""
    add_source(parser, or_workload=True)
    add_policy(parser, "; with --server the name of one that is in force there (default: the worst verdict counts)")
    add_output(parser, "table, json, sarif, junit, html, markdown, github")
    add_moments(parser, "by the advisories in use then, and with kept:NAME by the version of the policy in force then")
    parser.add_argument("--explain", action="store_true", help="say of each finding why and what to do (table, json)")
    parser.add_argument(
        "--fail-on",
        metavar="VERDICT",
        default="stop",
        choices=tuple(_FAILING),
        help="from which verdict on the exit status is 1: warn or stop (default: stop)",
    )
    add_judging(parser)
    add_workload_options(parser.add_argument_group("how the image is to run"))
    add_signing_options(parser)
    add_policy_options(parser)
    add_advisory_options(parser)
    add_secret_options(parser)
    add_scanner_options(parser)
    add_source_options(parser)
    add_server_options(parser, with_waiting=True)


def add_policy(parser: argparse.ArgumentParser, more: str = "") -> None:
    """The option that names the policy; `more` is said of it, too."""
    parser.add_argument(
        "--policy",
        metavar="FILE|DIR",
        help="the policy, native or Anchore's, or a folder of them; or kept:NAME, one that `hullmark policy keep` keeps"
        + more,
    )


def add_judging(parser: argparse.ArgumentParser) -> None:
    """The options that say what is known besides the image, and how Anchore's policies are taken."""
    _add_facts(parser.add_argument_group("what is known besides the image"))
    _add_anchore(parser.add_argument_group("Anchore policies"))


def _add_facts(group: argparse._ArgumentGroup) -> None:
    group.add_argument("--dockerfile", metavar="FILE", help="the Dockerfile that the image was built by")
    group.add_argument("--tag", metavar="REF", help="the reference it is judged under (default: its own)")
    group.add_argument(
        "--digest", metavar="DIGEST", default="", help="the digest it is judged under (default: its own)"
    )
    group.add_argument("--context", metavar="FILE", help="facts from outside the image, as JSON")
    group.add_argument(
        "--trusted-keys",
        metavar="FILE",
        action="append",
        default=[],
        help="public keys in PEM that rules about signatures trust; may be given several times",
    )
    group.add_argument(
        "--trusted-root",
        metavar="FILE",
        help="by which authorities certificates are checked: a trusted_root.json of Sigstore's, or certificates in PEM",
    )
    group.add_argument(
        "--environment", metavar="NAME", default="", help="where it is to run, as native policies name it"
    )


def _add_anchore(group: argparse._ArgumentGroup) -> None:
    group.add_argument(
        "--profile",
        metavar="NAME",
        default="native",
        choices=("native", "compat"),
        help="native, or compat: as Anchore itself judges (default: native)",
    )
    group.add_argument(
        "--without-quirk",
        metavar="NAME",
        action="append",
        default=[],
        help="with compat: do one thing as native does, as Q7",
    )
    group.add_argument(
        "--unmapped",
        metavar="VERDICT",
        default="stop",
        choices=("stop", "unknown", "warn", "go"),
        help="what an image comes to that no mapping fits: stop, unknown, warn or go (default: stop)",
    )


def run(arguments: argparse.Namespace) -> int:
    """Judge each source; the exit status is that of the worst verdict: a stop, then what cannot be told."""
    settings = settings_of(arguments)
    signing = signing_of(arguments, settings)
    if not arguments.source:
        _require_workload(arguments)
    if settings.server():
        refuse_workload(arguments)
        from hullmark.cli.remote import source as remote

        _refuse_signing(signing)
        return remote.check(arguments, settings)
    from msgspec.structs import replace

    from hullmark.app.check import judge

    check_options = build_check_options(arguments)
    cases = _cases(arguments, check_options)
    outputs = wanted_outputs("verdict", arguments.output, len(cases))
    known_at = known_moment(arguments.known_at)
    policy = policy_of(settings, arguments.policy, known_at)
    now = in_whole_seconds(moment(arguments.at)) if signing is not None else moment(arguments.at)
    options = settings.source_options()
    verdicts: list[Verdict] = []
    with open_snapshot_for(settings, policy, check_options, known_at) as snapshot:
        for source, its in cases:
            its = replace(its, advisories=snapshot)
            with progress(source, wanted=settings.wants_progress()) as watch:
                result = judge(source, policy, now, settings.means(watch), options, its)
            verdicts.append(result.verdict)
            if signing is not None:
                signing.sign(source, result, its)
    write(verdicts, outputs, settings)
    if check_options.profile == "compat":
        _warn_of_unknowns(policy, verdicts)
    if check_options.wants_explanations and any(
        output.format.name == "table" and not output.file for output in outputs
    ):
        _print_explanations(verdicts)
    _hint_at_advisories(verdicts)
    if any(verdict.verdict in _FAILING[arguments.fail_on] for verdict in verdicts):
        return 1
    return max(_EXIT[verdict.verdict] for verdict in verdicts)


def _require_workload(arguments: argparse.Namespace) -> None:
    """Raises HullmarkError where neither an image is named nor a workload that may name some."""
    from hullmark.model.errors import HullmarkError

    if not arguments.workload:
        raise HullmarkError(
            "no image is named", advice="name a SOURCE, or a workload that names images: --workload FILE"
        )
    if arguments.tag or arguments.digest:
        raise HullmarkError("--tag and --digest are for one image", advice="name the SOURCE that goes by them")


def _cases(arguments: argparse.Namespace, options: CheckOptions) -> list[tuple[str, CheckOptions]]:
    """What is judged, and how: each source, or each image that workloads name. Raises HullmarkError where they name none."""
    from msgspec.structs import replace

    from hullmark.app.workloads import containers_by_image

    if arguments.source:
        return [(source, options) for source in arguments.source]
    found = containers_by_image(options.workloads, options.container)
    return [(image, replace(options, placed=placed)) for image, placed in found.items()]


def _refuse_signing(signing: object) -> None:
    from hullmark.model.errors import HullmarkError

    if signing is not None:
        raise HullmarkError("a server signs its verdicts itself", advice="judge here to sign: leave --server out")


def _warn_of_unknowns(policy: AnyPolicy, verdicts: list[Verdict]) -> None:
    """Say how much was not known where the original's rules judged: they take what nobody saw for what is not there."""
    import sys

    from hullmark.model.problem import OPEN
    from hullmark.policy.languages import language_of

    if "compat" not in language_of(policy).profiles:
        return
    count = sum(problem.kind in OPEN for verdict in verdicts for problem in verdict.problems)
    if count:
        things = "1 thing was" if count == 1 else f"{count:,} things were"
        sys.stderr.write(
            f"hullmark: the original's rules judged this; {things} not seen or not covered, see problems\n"
        )


def _hint_at_advisories(verdicts: list[Verdict]) -> None:
    """Say what to do where a verdict is unknown because no advisories were used at all."""
    import sys

    if any(
        verdict.verdict == "unknown"
        and not verdict.inputs.snapshot
        and any(problem.kind == "uncovered" for problem in verdict.problems)
        for verdict in verdicts
    ):
        sys.stderr.write(
            "hullmark: no advisories were used\n  fetch them: hullmark db update; or give --advisories or --snapshot\n"
        )


def _print_explanations(verdicts: list[Verdict]) -> None:
    from hullmark.cli.explanations import print_explanations, print_patches
    from hullmark.model.explanation import ExplainedVerdict

    for verdict in verdicts:
        if isinstance(verdict, ExplainedVerdict):
            print_explanations(verdict.explanations)
        print_patches(verdict.containers or ())


def policy_of(settings: Settings, text: str | None, known_at: datetime | None) -> AnyPolicy:
    """The policy of a file or folder, or the version of a kept one that was in force then."""
    from pathlib import Path

    from hullmark.app.check import load
    from hullmark.app.kept_policies import PREFIX
    from hullmark.model.errors import HullmarkError

    if text is None:
        raise HullmarkError(
            "no policy given",
            advice="name it by --policy FILE (hullmark policy init writes one), or a server that has one by --server URL",
        )
    if text.startswith(PREFIX):
        return settings.policies().load(text.removeprefix(PREFIX), known_at or moment(None))
    return load(Path(text))


def build_check_options(arguments: argparse.Namespace) -> CheckOptions:
    """How to judge, as the options say. Raises HullmarkError."""
    from pathlib import Path

    from hullmark.app.check import CheckOptions, load_context, load_dockerfile, profile_of
    from hullmark.cli.identities import trusted_root_text
    from hullmark.model.verdict import Outcome
    from hullmark.policy.context import NO_CONTEXT

    without = tuple(arguments.without_quirk)
    profile_of(arguments.profile, without)
    return CheckOptions(
        profile=arguments.profile,
        without_quirks=without,
        unmapped=Outcome(arguments.unmapped),
        context=load_context(Path(arguments.context)) if arguments.context else NO_CONTEXT,
        dockerfile=load_dockerfile(Path(arguments.dockerfile)) if arguments.dockerfile else "",
        tag=arguments.tag,
        digest=arguments.digest,
        environment=arguments.environment,
        wants_explanations=getattr(arguments, "explain", False),
        workloads=workloads_of(arguments),
        container=getattr(arguments, "container", ""),
        trusted_keys=tuple(map(_public_keys, getattr(arguments, "trusted_keys", ()))),
        trusted_root=trusted_root_text(getattr(arguments, "trusted_root", None)),
    )


def _public_keys(file: str) -> str:
    """A file of public keys, as it is written. Raises HullmarkError where none is in it."""
    from pathlib import Path

    from hullmark.proof.dsse import KEY_LIMIT, read_keys
    from hullmark.scanning.documents import read_bounded

    pem = read_bounded(Path(file), KEY_LIMIT)
    read_keys(pem, file)
    return pem.decode("ascii", "replace")


def open_snapshot_for(
    settings: Settings, policy: AnyPolicy, check_options: CheckOptions, known_at: datetime | None
) -> AbstractContextManager[object]:
    """The advisories: those that were named, else those that are kept if a rule asks for them; None where there are none.

    Raises HullmarkError where those of a moment are asked for and not kept.
    """
    from hullmark.app.check import find_needs, wants_advisories

    is_named = settings.get("snapshot") or settings.get("advisories")
    if is_named and find_needs(policy, check_options.context).matches:
        return settings.open_snapshot(known_at)
    wants_kept = not is_named and wants_advisories(policy, check_options.context)
    if wants_kept and (known_at is not None or settings.shelf().current() is not None):
        return settings.open_snapshot(known_at)
    return nullcontext()
