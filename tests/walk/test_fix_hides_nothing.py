"""Beyond a limit of what newer packages bring, or of what dpkg says, nothing is called go, and nothing is removed."""

from __future__ import annotations

from collections.abc import Iterable
from pathlib import Path

import pytest

from hullmark.app.check import CheckOptions, load
from hullmark.app.fix import FixRequest, remedy_of
from hullmark.app.upkeep import UpkeepRequest
from hullmark.app.virtual_image import JudgingContext
from hullmark.model.remedy import Remedy
from hullmark.scanning.request import ScanResources
from hullmark.source import SourceOptions
from tests.flow.test_fix import ARCHIVE, FILES, NEWER, image, policy
from tests.support.debs import write_debs
from tests.support.repositories import served
from tests.walk.world import NOW, lowered
from tools.limits import bounds

UPDATE, REMOVAL = ("version", "setuid", "needed"), ("tools",)
CASES = {
    "hullmark.app.update_files._MAX_FETCHED": (10, UPDATE),
    "hullmark.app.update_files._MAX_PACKAGE": (10, UPDATE),
    "hullmark.maintenance.remedy.ar._MAX_MEMBERS": (1, UPDATE),
    "hullmark.maintenance.remedy.contents._MAX_CONTROL": (10, UPDATE),
    "hullmark.maintenance.remedy.contents._MAX_DATA": (10, UPDATE),
    "hullmark.maintenance.remedy.contents._MAX_RULES": (0, UPDATE),
    "hullmark.maintenance.remedy.contents._MAX_SETTINGS": (10, UPDATE),
    "hullmark.maintenance.remedy.dpkg_terms._MAX_BYTES": (10, REMOVAL),
}
"""A number that is too low for the image, and the rules that are kept to only by what lies beyond."""

SETTINGS = {"etc/dpkg/dpkg.cfg.d/slim": b"path-exclude=/usr/share/doc/*\n"}


def fixed(folder: Path, rules: Iterable[str]) -> Remedy:
    """What makes the image keep to the rules."""
    folder.mkdir()
    write_debs(folder / "mirror" / "debian", "trixie", [NEWER], by_dpkg=False)
    judging = JudgingContext(
        policy=load(policy(folder, *rules)), now=NOW, resources=ScanResources(), options=CheckOptions()
    )
    with served(folder / "mirror") as url:
        lists = UpkeepRequest(at=NOW.date().isoformat(), mirrors=((ARCHIVE, f"{url}/debian"),))
        source = image(folder / "image", FILES | SETTINGS)
        return remedy_of(source, FixRequest(lists=lists), judging, SourceOptions())


def test_each_limit_has_a_case() -> None:
    unseen = {f"{bound.module}.{bound.name}": bound for bound in bounds() if bound.effect == "unseen"}
    rooms = ("hullmark.maintenance.remedy.", "hullmark.app.update_files.")
    assert {name for name in unseen if name.startswith(rooms) and not name.endswith(".limit")} == CASES.keys()


@pytest.mark.parametrize("rules", [UPDATE, REMOVAL], ids=["update", "removal"])
def test_within_the_limits_the_image_passes(rules: tuple[str, ...], tmp_path: Path) -> None:
    assert fixed(tmp_path / "all", rules).after.verdict == "go"


@pytest.mark.parametrize("name", sorted(CASES))
def test_beyond_a_limit_nothing_is_called_go(name: str, tmp_path: Path) -> None:
    number, rules = CASES[name]
    bound = next(each for each in bounds() if f"{each.module}.{each.name}" == name)
    with lowered(bound, number):
        found = fixed(tmp_path / "all", rules)
    assert found.after.verdict == "stop"
    assert not [planned for planned in found.changes if planned.change.kind in ("update", "removal")]
