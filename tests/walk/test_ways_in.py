"""The same by the command line and on a server: exit status 3, and a verdict `unknown`."""

from __future__ import annotations

from collections.abc import AsyncIterator
from pathlib import Path

import pytest

from hullmark.cli import main
from hullmark.model.verdict import Outcome
from tests.support.desk import Desk, desk
from tests.support.images import Blobs, tagged, write_layout
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
KEY = ("hullmark.catalog.dpkg", "_MAX_STANZAS")
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
