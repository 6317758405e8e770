"""`hullmark admit export`: verdicts as manifests, for engines that call nobody."""

from __future__ import annotations

import argparse
from pathlib import Path

from hullmark.cli.host_gate import SETTINGS, VERDICTS

EXAMPLE = "--as kyverno"
HELP = "print verdicts as manifests: ValidatingAdmissionPolicy, Kyverno or Gatekeeper"
_FORMS = ("vap", "kyverno", "gatekeeper")


def add_arguments(parser: argparse.ArgumentParser) -> None:
    """The action's own arguments."""
    parser.add_argument(
        "--as", dest="form", metavar="ENGINE", choices=_FORMS, default="vap", help=f"{', '.join(_FORMS)} (default: vap)"
    )
    parser.add_argument(
        "--verdicts",
        metavar="FILE",
        default=VERDICTS,
        help=f"the local verdicts, which `admit sync` fills (default: {VERDICTS})",
    )
    parser.add_argument(
        "--settings", metavar="FILE", help=f"the gate's settings in YAML (default: {SETTINGS}, where it is there)"
    )
    parser.add_argument(
        "--namespace", "-n", metavar="NAME", default="hullmark", help="where the data is put (default: hullmark)"
    )


def run(arguments: argparse.Namespace) -> int:
    """Print the manifests. Refuses to where there are no verdicts, since nothing could start by them."""
    import sys
    from datetime import UTC, datetime

    import yaml

    from hullmark.cli.admit_kubernetes import webhook_settings
    from hullmark.model.errors import HullmarkError
    from hullmark.places.gates.kubernetes.exports import ExportRequest, TooManyVerdicts, export
    from hullmark.places.gates.verdicts import LocalVerdicts

    verdicts = LocalVerdicts(Path(arguments.verdicts), is_read_only=True)
    if verdicts.synced_at is None:
        raise HullmarkError(f"there are no verdicts in {arguments.verdicts}", advice="fetch them: hullmark admit sync")
    request = ExportRequest(
        arguments.form, webhook_settings(arguments), datetime.now(UTC).replace(microsecond=0), arguments.namespace
    )
    try:
        documents = export(verdicts.images(), request)
    except TooManyVerdicts as error:
        raise HullmarkError(str(error), advice="run the webhook instead: hullmark admit kubernetes") from error
    yaml.safe_dump_all(documents, sys.stdout, sort_keys=False, width=120)
    return 0
