"""What the gates of a host have in common on the command line: their settings, and the file of verdicts that they go by."""

from __future__ import annotations

import argparse
from pathlib import Path
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from hullmark.places.gates.host_gate import HostGate
    from hullmark.places.gates.settings import GateSettings

VERDICTS = "/var/lib/hullmark/gate/verdicts.db"
SETTINGS = "/etc/hullmark/gate.yaml"


def add_gate_options(parser: argparse.ArgumentParser) -> None:
    """Which settings, and which verdicts."""
    parser.add_argument(
        "--settings", metavar="FILE", help=f"the gate's settings in YAML (default: {SETTINGS}, where it is there)"
    )
    parser.add_argument(
        "--verdicts", metavar="FILE", default=VERDICTS, help=f"the local verdicts (default: {VERDICTS})"
    )


def gate_settings(arguments: argparse.Namespace) -> GateSettings:
    """The settings. Where they do not say how well a container must be kept apart, it must be as engines do by default."""
    import msgspec

    from hullmark.model.errors import HullmarkError
    from hullmark.places.gates.settings import LARGEST_SETTINGS, GateSettings, read_settings

    path = Path(arguments.settings or SETTINGS)
    if not arguments.settings and not path.exists():
        settings = GateSettings()
    else:
        try:
            with path.open("rb") as file:
                settings = read_settings(file.read(LARGEST_SETTINGS + 1), str(path))
        except OSError as error:
            raise HullmarkError(f"cannot read {path}: {error.strerror}", advice="check the path") from error
    if settings.least_grade is None:
        settings = msgspec.structs.replace(settings, least_grade="default")
    return settings


def gate_of(arguments: argparse.Namespace) -> HostGate:
    """The gate that the options describe; what it refuses or warns of is said on standard error."""
    from datetime import UTC, datetime

    from hullmark.places.gates.host_gate import HostGate

    return HostGate(Path(arguments.verdicts), gate_settings(arguments), lambda: datetime.now(UTC), tell)


def tell(line: str) -> None:
    """A line for the log."""
    import sys

    from hullmark.report.terminal import safe

    sys.stderr.write(f"hullmark: {safe(line)}\n")
    sys.stderr.flush()
