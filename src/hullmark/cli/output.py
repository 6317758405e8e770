"""Results → formats → standard output or files."""

from __future__ import annotations

import argparse
import os
import sys
from collections.abc import Mapping
from pathlib import Path
from typing import TYPE_CHECKING, Any, NamedTuple

if TYPE_CHECKING:
    from hullmark.cli.settings import Settings
    from hullmark.report.format import Format, Kind


class Output(NamedTuple):
    """A format, and the file it goes to ("": standard output)."""

    format: Format[Any]
    file: str


def add_output(parser: argparse.ArgumentParser, formats: str) -> None:
    """The -o option."""
    parser.add_argument(
        "-o",
        "--output",
        metavar="FORMAT[=FILE]",
        action="append",
        default=[],
        help=f"{formats}; may be given several times, one of them without FILE (default: table)",
    )


def add_bill_options(parser: argparse.ArgumentParser) -> None:
    """The options of formats that write what is in an image."""
    parser.add_argument(
        "--spec-version",
        metavar="VERSION",
        default="",
        help="the version of the standard, as 1.5 of CycloneDX (default: 1.6)",
    )
    parser.add_argument("--template", metavar="FILE", help="the Jinja template for -o template")
    add_author(parser)


def add_author(parser: argparse.ArgumentParser) -> None:
    """The option that names who makes a bill of materials."""
    parser.add_argument(
        "--author", metavar="WHO", default="", help="who makes the document, as 'Example Ltd <sbom@example.com>'"
    )


BILLS = "table, json, purls, csv, template, cyclonedx-json, cyclonedx-xml, spdx-json, spdx-tag-value, spdx3-json, syft-json, github-json"
"""The formats of what is in an image, for help."""


def template_of(file: str | None) -> str:
    """The text of a template, "" for none. Raises HullmarkError where it cannot be read."""
    from hullmark.model.errors import HullmarkError

    if file is None:
        return ""
    try:
        return Path(file).read_text("utf-8")
    except (OSError, UnicodeDecodeError) as error:
        raise HullmarkError(f"cannot read the template {file}: {error}", advice="check the path") from error


def wanted_outputs(kind: Kind, written: list[str], sources: int = 1, spec_version: str = "") -> list[Output]:
    """What -o asks for, of so many sources, in a version of the standard ("": the usual one). Called before the work begins, so that a
    mistyped name costs nothing. Raises HullmarkError."""
    from hullmark.model.errors import HullmarkError
    from hullmark.report import load

    outputs = []
    for text in written or ["table"]:
        name, equals, file = text.partition("=")
        if equals and not file:
            raise HullmarkError(f"-o {text} names no file", advice=f"write -o {name}=FILE, or -o {name}")
        _refuse_version(kind, name)
        if not equals and "." in name:
            form = "json" if name.endswith(".json") else "FORMAT"
            raise HullmarkError(f"-o {name[:100]} names a file and no format", advice=f"write -o {form}={name[:100]}")
        outputs.append(Output(load(kind, name), file))
        if sources > 1 and outputs[-1].format.is_single:
            raise HullmarkError(
                f"a document of the format {name} is about one image, and here are {sources} sources",
                advice=f"ask for one after another, each with a file of its own: -o {name}=FILE",
            )
    if spec_version:
        _check_version(spec_version, outputs)
    if sum(not output.file for output in outputs) > 1:
        raise HullmarkError(
            "several formats cannot share standard output", advice="give all but one a file: -o FORMAT=FILE"
        )
    return outputs


def _refuse_version(kind: Kind, name: str) -> None:
    """Raise HullmarkError for `FORMAT@VERSION`, as other tools have it, with how it is said here."""
    from hullmark.model.errors import HullmarkError
    from hullmark.report import names

    form, _, version = name.partition("@")
    if not version or form not in names(kind):
        return
    if form.startswith("cyclonedx"):
        advice = f"write -o {form} --spec-version {version}"
    else:
        advice = "write -o spdx3-json" if form == "spdx-json" and version.startswith("3") else f"write -o {form}"
    raise HullmarkError(f"-o {name[:100]} names a version, which is not a part of the format", advice=advice)


def _check_version(version: str, outputs: list[Output]) -> None:
    from hullmark.model.errors import HullmarkError

    known = {output.format.name: output.format.spec_versions for output in outputs if output.format.spec_versions}
    if not known:
        raise HullmarkError(
            "--spec-version says in which version of CycloneDX to write",
            advice="add -o cyclonedx-json or -o cyclonedx-xml",
        )
    for name, versions in known.items():
        if version not in versions:
            raise HullmarkError(
                f"{version[:50]} is not a version of {name}", advice=f"choose one of {', '.join(versions)}"
            )


def write(results: list[Any], outputs: list[Output], settings: Settings, **fields: Any) -> None:
    """Render every result in every format that was asked for; `fields` are further fields of RenderContext.

    Raises HullmarkError where it cannot be written.
    """
    for output in outputs:
        put(output, _render_results(output, results, settings, fields))


def put(output: Output, rendered: bytes) -> None:
    """Write what was rendered to where it goes. Raises HullmarkError where that cannot be done."""
    from hullmark.model.errors import HullmarkError

    try:
        if output.file:
            Path(output.file).write_bytes(rendered)
        else:
            sys.stdout.buffer.write(rendered)
            sys.stdout.flush()
    except BrokenPipeError:
        # Whoever read our output has seen enough. The exit status is as if they had not.
        let_go_of_stdout()
    except OSError as error:
        if not output.file:
            let_go_of_stdout()
        place = output.file or "to standard output"
        raise HullmarkError(f"cannot write {place}: {error.strerror}", advice="check path, rights and space") from error


def let_go_of_stdout() -> None:
    """Drop what could not be written: Python would try again, and complain, when it closes standard output."""
    null = os.open(os.devnull, os.O_WRONLY)
    os.dup2(null, sys.stdout.fileno())
    os.close(null)


def _render_results(output: Output, results: list[Any], settings: Settings, fields: Mapping[str, Any]) -> bytes:
    from hullmark._version import __version__
    from hullmark.report.format import RenderContext

    is_terminal = sys.stdout.isatty() and not output.file
    context = RenderContext(
        tool_version=__version__,
        timestamp=timestamp(),
        color=settings.wants_color() and not output.file,
        width=columns(120) if is_terminal else 0,
        variables={name: value for name, value in os.environ.items() if name.startswith("GITHUB_")},
        **fields,
    )
    if output.format.render_all is not None:
        return output.format.render_all(results, context)
    return b"".join(output.format.render(result, context) for result in results)


def columns(otherwise: int) -> int:
    """The terminal's width, or what COLUMNS says. (shutil's answer to this brings every kind of archive along.)"""
    width = os.environ.get("COLUMNS", "")
    if width.isascii() and width.isdigit() and int(width[:6]) > 0:
        return int(width[:6])
    try:
        return os.get_terminal_size(1).columns or otherwise
    except OSError:
        return otherwise


def timestamp() -> str | None:
    """The time that documents carry, if SOURCE_DATE_EPOCH sets one (reproducible-builds.org)."""
    epoch = os.environ.get("SOURCE_DATE_EPOCH", "")
    if not epoch:
        return None
    from datetime import UTC, datetime

    from hullmark.model.errors import HullmarkError

    try:
        return datetime.fromtimestamp(int(epoch), UTC).strftime("%Y-%m-%dT%H:%M:%SZ")
    except (ValueError, OverflowError, OSError):
        advice = "set it to seconds since 1970, or unset it"
        raise HullmarkError(f"SOURCE_DATE_EPOCH: {epoch!r} is not a time", advice=advice) from None
