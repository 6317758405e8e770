"""`hullmark admit check`: whether images may start, by verdicts that are there already. Nothing is read or judged anew."""

from __future__ import annotations

import argparse
from pathlib import Path
from typing import TYPE_CHECKING, Any, NamedTuple

from hullmark.cli.host_gate import SETTINGS
from hullmark.cli.rows import add_output
from hullmark.cli.server_options import add_server_options
from hullmark.cli.settings import settings_of

if TYPE_CHECKING:
    from hullmark.net.api_client import ApiClient
    from hullmark.places.gates.settings import GateSettings
    from hullmark.places.gates.verdicts import LocalVerdicts

HELP = "say whether images may start, by the verdicts of a server, or of this host's gate; exit status as of check"
_EXIT = {"go": 0, "warn": 0, "stop": 1, "unknown": 3}
_COLUMNS = (("IMAGE", "image"), ("VERDICT", "verdict"), ("POLICY", "policy"), ("REASON", "reason"))


class ImageVerdict(NamedTuple):
    """What counts for an image: the worst verdict in force on it."""

    image: str
    verdict: str
    policy: str = ""
    reason: str = ""


def add_arguments(parser: argparse.ArgumentParser) -> None:
    """The action's own arguments."""
    parser.add_argument("images", metavar="IMAGE", nargs="+", help="a reference or a digest")
    parser.add_argument("--environment", metavar="NAME", default="", help="where it is to run (default: anywhere)")
    parser.add_argument("--verdicts", metavar="FILE", help="ask this file of local verdicts instead of a server")
    parser.add_argument(
        "--settings",
        metavar="FILE",
        help=f"with --verdicts: the gate's settings (default: {SETTINGS}, where it is there)",
    )
    add_output(parser)
    add_server_options(parser, with_trust=True)


def run(arguments: argparse.Namespace) -> int:
    """Say it of each; a stop goes before what cannot be told."""
    from hullmark.cli.remote.shown import show_list

    found = _local(arguments) if arguments.verdicts else _remote(arguments)
    rows = [image._asdict() for image in found]
    show_list(arguments, rows, _COLUMNS, "there is no image")
    statuses = {_EXIT.get(image.verdict, 3) for image in found}
    return 1 if 1 in statuses else max(statuses)


def _remote(arguments: argparse.Namespace) -> list[ImageVerdict]:
    from hullmark.cli.remote.connection import connect

    api = connect(arguments, settings_of(arguments))
    return [_of_server(api, image, arguments.environment) for image in arguments.images]


def _of_server(api: ApiClient, image: str, environment: str) -> ImageVerdict:
    """The worst of the verdicts in force; an image without any is unknown. Raises ApiRefused, NetError."""
    from hullmark.cli.remote.waiting import digest_of
    from hullmark.net.api_client import ApiRefused, segment

    try:
        digest = image.rpartition("@")[2] if "@" in image else digest_of(api, image)
        verdicts: list[dict[str, Any]] = api.get(f"/verdicts/{segment(digest)}", {"environment": environment or None})
    except ApiRefused as error:
        if error.status != 404:
            raise
        return ImageVerdict(image, "unknown", reason=str(error))
    if not verdicts:
        return ImageVerdict(image, "unknown", reason="no policy in force judges it")
    order = ("go", "warn", "unknown", "stop")
    worst = max(verdicts, key=lambda found: order.index(found["verdict"]) if found["verdict"] in order else len(order))
    return ImageVerdict(image, worst["verdict"], worst["policy"], worst["reason"])


def _local(arguments: argparse.Namespace) -> list[ImageVerdict]:
    from hullmark.cli.host_gate import gate_settings
    from hullmark.places.gates.verdicts import LocalVerdicts

    verdicts = LocalVerdicts(Path(arguments.verdicts), is_read_only=True)
    try:
        return [_of_gate(verdicts, image, arguments, gate_settings(arguments)) for image in arguments.images]
    finally:
        verdicts.close()


def _of_gate(
    verdicts: LocalVerdicts, image: str, arguments: argparse.Namespace, settings: GateSettings
) -> ImageVerdict:
    """What the gate of this host would say of an image alone, however it is kept apart."""
    from datetime import UTC, datetime

    import msgspec

    from hullmark.model.isolation import WorkloadContainer
    from hullmark.places.gates.decision import AskedContainer, Question, decide
    from hullmark.places.gates.host_gate import known_images

    now = datetime.now(UTC)
    reference = f"image@{image}" if image.startswith("sha256:") else image
    container = AskedContainer(container=WorkloadContainer(name="image", image=reference))
    question = Question(containers=(container,), is_placed=False, now=now, age_seconds=verdicts.age_seconds(now))
    environment = arguments.environment or settings.environment
    wanted = msgspec.structs.replace(
        settings,
        mode="enforce",
        least_grade=None,
        unknown_image="refuse",
        requires_digest=False,
        environment=environment,
    )
    judgement = decide(question, known_images(verdicts), wanted).judgements[0]
    verdict = {"passes": "go", "warns": "warn", "refuses": "stop"}[judgement.effect]
    if judgement.effect == "refuses" and judgement.verdict in ("", "unknown"):
        verdict = "unknown"
    return ImageVerdict(image, verdict, judgement.policy, judgement.reason)
