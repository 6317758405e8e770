"""`hullmark vulns`: what is known to be wrong with the packages of an image."""

from __future__ import annotations

import argparse
from typing import TYPE_CHECKING

from hullmark.cli.fail_on import condition, worst
from hullmark.cli.identities import add_identity_options, identities_of
from hullmark.cli.output import add_output, template_of, wanted_outputs, write
from hullmark.cli.progress import progress
from hullmark.cli.server_options import add_server_options
from hullmark.cli.settings import (
    SOURCES,
    add_advisory_options,
    add_moments,
    add_source,
    add_source_options,
    known_moment,
    moment,
    settings_of,
)
from hullmark.cli.workload_options import add_workload_options, refuse_workload, workloads_of

if TYPE_CHECKING:
    from hullmark.app.vex import VexRequest
    from hullmark.app.vulns import MatchOptions

NAME = "vulns"
HELP = "list the vulnerabilities of an image, and why each matches"
EPILOG = (
    """\
examples
  hullmark db update                             once a day: fetch the advisories
  hullmark vulns --only-fixed nginx:1.27
  hullmark vulns --fail-on high -o sarif=vulns.sarif nginx:1.27

"""
    + SOURCES
)


def add_arguments(parser: argparse.ArgumentParser) -> None:
    """The verb's own arguments."""
    add_source(parser)
    add_output(parser, "table, json, sarif, cyclonedx-json, openvex, html and more (hullmark formats)")
    _add_choice(parser.add_argument_group("which matches, and in which order"))
    _add_words(parser.add_argument_group("what others say of them"))
    add_identity_options(parser)
    add_workload_options(parser.add_argument_group("how the image is to run (openvex says what that limits)"))
    _add_failing(parser.add_argument_group("when to fail (status 1; 3 if that cannot be told)"))
    add_moments(parser, "by the advisories in use then")
    add_advisory_options(parser)
    add_source_options(parser)
    add_server_options(parser, with_waiting=True)


def _add_choice(group: argparse._ArgumentGroup) -> None:
    group.add_argument(
        "--sort",
        metavar="ORDER",
        default="risk",
        help="risk, severity, epss, kev, package or vulnerability (default: risk)",
    )
    by_fix = group.add_mutually_exclusive_group()
    by_fix.add_argument("--only-fixed", action="store_true", help="set aside what has no fix yet")
    by_fix.add_argument("--only-notfixed", action="store_true", help="set aside what has a fix")
    group.add_argument(
        "--ignore-states",
        metavar="STATES",
        default="",
        help="set aside fix states: fixed, not-fixed, wont-fix, unknown",
    )
    group.add_argument(
        "--by-cve", action="store_true", help="name vulnerabilities by their CVE, and merge what becomes the same"
    )
    group.add_argument(
        "--reach",
        action="store_true",
        help="say whether the image's start reaches each package; reads and follows more, which may take several times as long",
    )
    group.add_argument(
        "--only-reachable",
        action="store_true",
        help="set aside what is in packages that the image's start cannot reach (with --reach); what is unknown stays",
    )
    group.add_argument(
        "--ssvc",
        metavar="MISSION",
        choices=("low", "medium", "high"),
        help="show how urgent each is by CISA's SSVC (with --reach): track, track*, attend or act, where what the image does matters "
        "low, medium or high to your mission",
    )
    group.add_argument("--why", action="store_true", help="say in the table why each is a match")
    group.add_argument("--show-suppressed", action="store_true", help="list also what was set aside, with the reason")
    group.add_argument(
        "--channel",
        metavar="NAME",
        action="append",
        default=[],
        choices=("esm", "eus"),
        help="a paid channel in use: esm, eus",
    )
    group.add_argument("--template", metavar="FILE", help="the Jinja template for -o template")


def _add_words(group: argparse._ArgumentGroup) -> None:
    group.add_argument(
        "--ignore",
        metavar="FILE",
        action="append",
        default=[],
        help="rules for what is accepted: owner, reason, expiry",
    )
    group.add_argument(
        "--vex",
        metavar="FILE",
        action="append",
        default=[],
        help="what a supplier says: a file (OpenVEX, CSAF or CycloneDX); the word attestation for what is attached to the image "
        "in its registry; the word repository for the VEX repository among the advisories",
    )
    group.add_argument(
        "--vex-key",
        metavar="FILE",
        action="append",
        default=[],
        help="a public key (PEM) that attestations are believed by",
    )
    group.add_argument(
        "--vex-unsigned", action="store_true", help="believe attestations that nobody signed who is trusted"
    )
    group.add_argument(
        "--trusted-root",
        metavar="FILE",
        help="by which authorities certificates of attestations are checked: a trusted_root.json of Sigstore's, or certificates in PEM",
    )


def _add_failing(group: argparse._ArgumentGroup) -> None:
    group.add_argument(
        "--fail-on",
        metavar="WHAT",
        default="",
        help="a severity or worse (3 if nothing meets it, but something is found that nobody rated); unrated (what nobody rated); any, "
        "fixable, kev; unknown (packages of which nothing can be said, gaps in the advisories, what could not be read), eol; several with "
        "commas",
    )
    group.add_argument("--fail-on-cpe", action="store_true", help="also by matches that rest on a CPE name alone")


def run(arguments: argparse.Namespace) -> int:
    """Match each source; status 1 if --fail-on is met by any, 3 if that cannot be told of any."""
    settings = settings_of(arguments)
    if settings.server():
        refuse_workload(arguments)
        from hullmark.cli.remote import source as remote

        return remote.vulns(arguments, settings)
    from hullmark.app.vulns import vulnerabilities
    from hullmark.app.workloads import at_places

    outputs = wanted_outputs("matches", arguments.output, len(arguments.source))
    status_of = condition(arguments)
    weighing, vex = _weighing(arguments), _vex_request(arguments)
    template, workloads = template_of(arguments.template), workloads_of(arguments)
    options = settings.source_options()
    results = []
    with settings.open_snapshot(known_moment(arguments.known_at)) as snapshot:
        for source in arguments.source:
            with progress(source, wanted=settings.wants_progress()) as watch:
                resources = settings.means(watch)
                found = vulnerabilities(source, snapshot, weighing, resources, options, vex=vex)
                results.append(at_places(found, workloads, arguments.container))
    fields = {
        "explains": arguments.why,
        "shows_suppressed": arguments.show_suppressed,
        "shows_ssvc": bool(arguments.ssvc),
        "template": template,
    }
    write(results, outputs, settings, **fields)
    return worst(status_of(result) for result in results)


def _weighing(arguments: argparse.Namespace) -> MatchOptions:
    from pathlib import Path

    from hullmark.advisories.match.risk import FIX_STATES, NOT_FIXED, ORDERS
    from hullmark.app.vex import WORDS
    from hullmark.app.vulns import MatchOptions, rules_in, statements_in
    from hullmark.model.errors import HullmarkError
    from hullmark.model.expiry import is_day

    states = [state for state in arguments.ignore_states.split(",") if state]
    by_fix = NOT_FIXED if arguments.only_fixed else ("fixed",) if arguments.only_notfixed else ()
    for value, known, option in (
        *((state, FIX_STATES, "--ignore-states") for state in states),
        (arguments.sort, ORDERS, "--sort"),
    ):
        if value not in known:
            raise HullmarkError(f"{option}: there is no {value!r}", advice=f"known are {', '.join(known)}")
    now = moment(arguments.at)
    return MatchOptions(
        at=now.date().isoformat(),
        moment="" if is_day(arguments.at or "") else now.isoformat(),
        rules=tuple(rule for file in arguments.ignore for rule in rules_in(Path(file))),
        statements=tuple(
            statement for file in arguments.vex if file not in WORDS for statement in statements_in(Path(file))
        ),
        sort=arguments.sort,
        set_aside=tuple(dict.fromkeys((*by_fix, *states))),
        by_cve=arguments.by_cve,
        channels=tuple(arguments.channel),
        reach=bool(arguments.reach or arguments.only_reachable or arguments.ssvc),
        only_reachable=arguments.only_reachable,
        mission=arguments.ssvc or "medium",
    )


def _vex_request(arguments: argparse.Namespace) -> VexRequest:
    from pathlib import Path

    from hullmark.app.vex import WORDS, VexRequest, check_place, check_request

    request = VexRequest(
        words=tuple(word for word in WORDS if word in arguments.vex),
        keys=tuple(map(Path, arguments.vex_key)),
        identities=identities_of(arguments),
        now=moment(arguments.at),
        allows_unsigned=arguments.vex_unsigned,
    )
    check_request(request)
    for source in arguments.source:
        check_place(source, request)
    return request
