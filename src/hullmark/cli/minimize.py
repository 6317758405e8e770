"""`hullmark minimize`: what of an image its start can reach, and what may go."""

from __future__ import annotations

import argparse
import sys

from hullmark.cli.output import add_output, wanted_outputs, write
from hullmark.cli.progress import progress
from hullmark.cli.settings import SOURCES, add_advisory_options, add_source_options, moment, settings_of

NAME = "minimize"
HELP = "say what the start of an image can reach, and what may go"
EPILOG = (
    """\
Followed are the entrypoint, the command and the health check, with all that they start, load, import and read. What is not reached is
unreachable; what cannot be told is unknown, with the reason, and is never called unreachable.

examples
  hullmark minimize nginx:1.27                   counts, packages, what to remove
  hullmark minimize nginx:1.27 --why mount       is one package, program or path reached, and how
  hullmark minimize nginx:1.27 --root 'nginx -t' --emit small
                                                 also from this command; writes
                                                 what is left as an OCI layout

"""
    + SOURCES
)


def add_arguments(parser: argparse.ArgumentParser) -> None:
    """The verb's own arguments."""
    parser.add_argument("image", metavar="SOURCE", help="image reference, file or folder (see below)")
    parser.add_argument(
        "--why",
        metavar="WHAT",
        action="append",
        default=[],
        help="answer for a package, a program or an absolute path; may be given several times",
    )
    parser.add_argument(
        "--root",
        metavar="COMMAND",
        action="append",
        default=[],
        help="a command, or the path of a program, that is also started; may be given several times",
    )
    parser.add_argument(
        "--observed",
        metavar="FILE",
        action="append",
        default=[],
        help="what a container really opened: paths in lines, what strace writes, or an ApplicationProfile of Kubescape (JSON); it counts "
        "as reached, and differences are shown; may be given several times",
    )
    parser.add_argument(
        "--emit", metavar="DIR", help="write what is left into this new folder: an OCI layout, files.txt, a Dockerfile"
    )
    parser.add_argument(
        "--seccomp",
        metavar="FILE",
        help="write a profile of the system calls that the start can make (OCI, Docker, Kubernetes)",
    )
    parser.add_argument(
        "--seccomp-unsure",
        choices=("allow-default", "refuse"),
        default="allow-default",
        help="where not all system calls can be told: write what engines allow by default, or nothing (default: allow-default)",
    )
    add_output(parser, "table, json, html")
    add_advisory_options(parser)
    add_source_options(parser)


def run(arguments: argparse.Namespace) -> int:
    """Say it, and write what is left where that is asked for."""
    from hullmark.app.minimize import emit, minimality_of, reach_request, refuse_to_emit, write_seccomp

    settings = settings_of(arguments)
    outputs = wanted_outputs("minimality", arguments.output)
    today = moment(None).date().isoformat()
    request = reach_request(
        arguments.image,
        roots=arguments.root,
        why=arguments.why,
        observed=arguments.observed,
        syscalls=bool(arguments.seccomp),
    )
    options = settings.source_options()
    if arguments.emit:
        refuse_to_emit(arguments.image, arguments.emit)
    with (
        settings.open_snapshot_if_any() as advisories,
        progress(arguments.image, wanted=settings.wants_progress()) as watch,
    ):
        found, files = minimality_of(arguments.image, request, advisories, today, settings.means(watch), options)
        if arguments.emit:
            emit(arguments.image, found, files, arguments.emit, options)
    done = write_seccomp(found, arguments.seccomp, arguments.seccomp_unsure) if arguments.seccomp else ""
    write([found], outputs, settings)
    if done:
        sys.stderr.write(f"hullmark: {done}\n")
    return 0
