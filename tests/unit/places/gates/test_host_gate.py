"""Starts on a host as its gate judges them: what is fetched, what nobody judged, and a file of verdicts that is away."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import pytest

from hullmark.model.admission import AdmissionPage
from hullmark.places.gates.docker.judge import GateAnswer, Start
from hullmark.places.gates.host_gate import HostGate
from hullmark.places.gates.settings import GateSettings
from hullmark.places.gates.verdicts import LocalVerdicts
from tests.support.gate import BAD, GOOD, HOST, NOON, image
from tests.support.kubernetes.manifests import digest
from tests.unit.places.gates.test_decision import PLAIN

REASON = "policy web says stop: CVE-2026-1 in libc6 is of high severity"


def keep(path: Path) -> None:
    """Have a file of verdicts, with an index of too many images."""
    crowd = [image(f"x{number}", indexes=(digest("crowd"),)) for number in range(65)]
    verdicts = LocalVerdicts(path)
    verdicts.take(AdmissionPage(images=(GOOD, BAD, *crowd), cursor="1", is_last=True, begins=True), NOON)
    verdicts.close()


class Host:
    """A host with a gate, and what its owner was told."""

    def __init__(self, path: Path) -> None:
        self.path = path
        self.said: list[str] = []
        self.gate = HostGate(path, GateSettings(), lambda: NOON, self.said.append)

    def start(self, name: str, id: str = "", origin: str = "") -> GateAnswer:
        """Whether a container may start."""
        return self.gate.judge(Start("web", name, id, PLAIN, origin))

    def fetch(self, name: str, id: str = "", **more: Any) -> GateAnswer:
        """Whether an image may be fetched."""
        return self.gate.judge(Start("(pull)", name, id, None, **more))


@pytest.fixture
def host(tmp_path: Path) -> Host:
    keep(tmp_path / "v.db")
    return Host(tmp_path / "v.db")


def test_a_fetch_is_refused_only_for_what_is_known_to_be_stopped(host: Host) -> None:
    assert host.fetch(f"{HOST}/new:1").is_allowed
    assert host.fetch(f"{HOST}/good:1").is_allowed
    assert not host.fetch(f"{HOST}/new:1", is_to_start=True).is_allowed
    refused = host.fetch(f"{HOST}/bad:1")
    assert refused == GateAnswer(False, f"container (pull) ({HOST}/bad:1): {REASON}")
    assert host.said[-1] == f"refused: {refused.reason}"


def test_an_id_that_is_asked_for_is_not_taken_for_a_name(host: Host) -> None:
    config = digest("config of bad")
    short = config[: len("sha256:") + 12]
    for asked in (config, config[7:19]):
        assert host.start(asked, config).reason == f"container web (image@{short}…): {REASON}"
    assert host.start(f"{HOST}/good:1", digest("config of good")) == GateAnswer(True)


def test_an_unknown_image_is_told_to_the_server_by_where_it_is_from(host: Host) -> None:
    refused = host.start("new:1", digest("new"), origin=f"{HOST}/new@{digest('new')}")
    assert refused.reason.endswith("nobody has judged it")
    assert not host.start("local:1", digest("local")).is_allowed
    verdicts = LocalVerdicts(host.path)
    assert verdicts.queued() == (f"{HOST}/new@{digest('new')}",)
    verdicts.close()


def test_an_index_of_too_many_images_is_refused(host: Host) -> None:
    assert host.start("crowd:1", digest("crowd")).reason.endswith("its index names too many images to look at")


def test_a_gate_without_verdicts_refuses_until_they_are_there(tmp_path: Path) -> None:
    host = Host(tmp_path / "folder" / "v.db")
    assert host.start(f"{HOST}/good:1", digest("good")).reason.endswith("the gate has no verdicts yet")
    keep(host.path)
    assert host.start(f"{HOST}/good:1", digest("good")).is_allowed
