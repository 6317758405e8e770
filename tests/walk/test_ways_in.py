"""The same by the command line and on a server: exit status 3, and a verdict `unknown`."""

from __future__ import annotations

from collections.abc import AsyncIterator
from pathlib import Path
from typing import Any

import pytest

from hullmark._version import __version__
from hullmark.app.check import CheckOptions, judge
from hullmark.cli import main
from hullmark.model.image import Platform
from hullmark.model.verdict import Outcome
from hullmark.report import load
from hullmark.report.format import RenderContext
from hullmark.scanning.request import ScanResources
from hullmark.source import SourceOptions
from tests.support.desk import Desk, desk, status_file
from tests.support.images import Blobs, tagged, write_layout
from tests.support.matching import advisory, affected
from tests.support.policies import native_policy
from tests.support.snapshots import snapshot_in
from tests.walk.cases_problems import HIDDEN
from tests.walk.test_limits_hide_nothing import CASES, UNSEEN
from tests.walk.world import NAME, Layers, judged, lowered, one_rule, tars

POLICY = f"""
schema: hullmark-policy/1
name: one
version: "1"
rules:
  - {{id: one, gate: packages, trigger: forbidden, action: stop, params: {{names: ["*{NAME}*"]}}}}
"""
KEY = ("hullmark.catalog.systems.dpkg_status", "_MAX_STANZAS")
GARBAGE = "a database of dpkg that is garbage"


def checked(layers: Layers, folder: Path) -> int:
    """The exit status of a check."""
    blobs = Blobs()
    write_layout(folder / "image", blobs, [tagged(blobs.image(tars(layers)), "1")])
    (folder / "policy.yaml").write_text(POLICY)
    return main(["check", f"oci-dir:{folder / 'image'}", "--policy", str(folder / "policy.yaml"), "--no-cache"])


@pytest.mark.parametrize(
    "what", [GARBAGE, "a link to a file of another name", "PHP packages", "a jar that lost its end"]
)
def test_a_check_of_what_hides_a_package_ends_with_status_three(what: str, tmp_path: Path) -> None:
    assert checked(HIDDEN[what], tmp_path) == 3


def test_a_check_beyond_a_limit_ends_with_status_three_and_within_it_with_one(tmp_path: Path) -> None:
    case = CASES[KEY]
    (tmp_path / "one").mkdir()
    (tmp_path / "other").mkdir()
    assert checked(case.padded, tmp_path / "one") == 1
    with lowered(UNSEEN[KEY], case.number):
        assert checked(case.padded, tmp_path / "other") == 3


def test_the_policy_says_the_same_here_as_elsewhere() -> None:
    assert judged(HIDDEN[GARBAGE], one_rule("packages")).verdict.verdict is Outcome.UNKNOWN


@pytest.fixture
async def at(database_url: str, tmp_path: Path) -> AsyncIterator[Desk]:
    async with desk(database_url, tmp_path) as found:
        yield found


ASKS = """
schema: hullmark-policy/1
name: asks
version: "1"
rules:
  - {id: no-high, gate: vulnerabilities, trigger: found, action: stop, params: {severity: high}}
exceptions:
  - {rule: no-high, subject: "pypi", expires: 2026-12-31, owner: us, reason: looked at by hand}
"""
DEBIAN = {
    **status_file(("libc6", "2.41-12"), ("zlib1g", "1:1.3")),
    "usr/lib/python3/dist-packages/seller-3.1.dist-info/METADATA": b"Metadata-Version: 2.1\nName: seller\nVersion: 3.1\n",
}


@pytest.mark.anyio
async def test_what_no_advisories_cover_is_the_same_on_the_command_line_and_on_a_server(
    at: Desk, tmp_path: Path
) -> None:
    """Namespaces that nobody tells of or that are too old, and an exception that names one of them."""
    told: dict[str, Any] = {"checked_on": "2026-03-01", "stale_days": 7}
    records = [advisory("CVE-2026-1", affected("debian:13", "other", "deb", "2"), source="debian")]
    await at.advise(*records, **told)
    digest = at.push("1.0", DEBIAN)
    await at.post("/policies", {"text": ASKS})
    await at.post("/activations", {"policy": "asks"})
    await at.add("1.0")
    await at.work()
    served = await at.get(f"/images/{digest}/check")

    (tmp_path / "advisories").mkdir()
    with snapshot_in(tmp_path / "advisories", records, **told) as snapshot:
        options = SourceOptions(platform=Platform("linux", "amd64"), insecure=True, auth_files=())
        reference = f"registry:{at.registry.host}/{at.registry.repository}@{digest}"
        asked = CheckOptions(advisories=snapshot, tag=at.reference("1.0"))
        here = judge(reference, native_policy(ASKS.encode()), at.now, ScanResources(), options, asked).verdict
    assert (await at.ask("GET", f"/images/{digest}/check")).content == load("verdict", "json").render(
        here, RenderContext(tool_version=__version__)
    )
    assert served["verdict"] == "unknown"
    (problem,) = served["problems"]
    assert (problem["kind"], "debian:13 end on 2026-03-01, 61 days ago" in problem["reason"]) == ("uncovered", True)
    (finding,) = served["findings"]
    assert (finding["subject"], finding["action"]) == ("pypi", "go")


@pytest.mark.anyio
async def test_a_server_says_unknown_of_an_image_whose_database_is_garbage(at: Desk) -> None:
    files = HIDDEN[GARBAGE]
    assert isinstance(files, dict)
    digest = at.push("1.0", files)
    await at.post("/policies", {"text": POLICY})
    await at.post("/activations", {"policy": "one"})
    await at.add("1.0")
    await at.work()
    (found,) = await at.get(f"/verdicts/{digest}?environment=")
    assert found["verdict"] == "unknown"
