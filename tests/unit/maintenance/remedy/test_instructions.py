"""The Dockerfile of changes: whatever an image says, it has the instructions that were meant, and no others."""

from __future__ import annotations

import shlex

from hypothesis import given
from hypothesis import strategies as st

from hullmark.maintenance.remedy.candidates import Candidates, Situation
from hullmark.maintenance.remedy.instructions import dockerfile_of, instructions_of
from hullmark.model.image import ImageConfig
from hullmark.model.inventory import FileRecord, Inventory, InventorySource
from hullmark.model.package import Package
from hullmark.model.remedy import Change, FileChange
from hullmark.model.upkeep import PackageUpdate
from hullmark.policy.dockerfile.parse import parse_dockerfile

_SOURCE = InventorySource(kind="oci-dir", reference="x", digest="", config_digest="", platform="", layers=())


def package(name: str, version: str = "1") -> Package:
    return Package(type="deb", name=name, version=version, purl=f"pkg:deb/debian/{name}@{version}", cataloger="dpkg")


def file(path: str, mode: int = 0o644) -> FileRecord:
    return FileRecord(
        path=path,
        type="file",
        mode=mode,
        uid=0,
        gid=0,
        size=1,
        sha256="",
        link="",
        layer=0,
        owner=None,
        state="unowned",
    )


def test_all_commands_are_one_layer_and_the_user_comes_back() -> None:
    update = PackageUpdate(installed=package("tool"), candidate=package("tool", "1:2~x"), index="")
    made = [
        Change(kind="update", subject="tool", summary="", updates=(update,)),
        Change(kind="removal", subject="mount", summary="", removed=(package("mount"),)),
        Change(kind="file", subject="/a b", summary="", files=(FileChange("/a b"), FileChange("/usr/bin/su", 0o6000))),
    ]
    found = instructions_of(made, ImageConfig(user="web:web"))
    assert [each.keyword for each in found] == ["USER", "RUN", "USER"]
    assert dockerfile_of("shop:1", found) == (
        "FROM shop:1\nUSER 0\nRUN apt-get update && \\\n"
        "    DEBIAN_FRONTEND=noninteractive apt-get install --yes --only-upgrade --no-install-recommends "
        "-o Dpkg::Options::=--force-confold tool=1:2~x && \\\n    apt-get clean && \\\n    rm -rf /var/lib/apt/lists/* && \\\n"
        "    chmod ug-s /usr/bin/su && \\\n    rm -rf '/a b' && \\\n    dpkg --purge mount\nUSER web:web\n"
    )
    own = Change(kind="setting", subject="USER", summary="", setting=("USER", "7"))
    assert [each.words for each in instructions_of([*made, own], ImageConfig(user="web"))][2:] == ["7"]


def test_another_shell_does_not_take_the_commands() -> None:
    change = Change(kind="file", subject="/x", summary="", files=(FileChange("/x"),))
    [run] = instructions_of([change], ImageConfig(shell=("/bin/odd", "-x")))  # noqa: S604 - a setting
    assert run.words == '["/bin/sh", "-c", "rm -rf /x"]'


@given(st.text(min_size=1, max_size=20), st.text(max_size=10))
def test_a_path_or_a_user_begins_no_instruction(name: str, user: str) -> None:
    path, config = f"/{name}", ImageConfig(user=user)
    files = (file(path, 0o4755), file("/bin/sh", 0o755))
    inventory = Inventory(source=_SOURCE, distro=None, packages=(), problems=(), config=config, files=files)
    made = list(Candidates(Situation(inventory=inventory)).changes_of_file(files[0]))
    text = dockerfile_of("shop:1", instructions_of(made, config))
    stage = parse_dockerfile(text.encode()).final
    assert [each.keyword for each in stage if each.keyword != "USER"] == (["FROM", "RUN"] if made else ["FROM"])
    for each in (each for each in stage if each.keyword == "RUN"):
        assert path in shlex.split(each.value)
        assert not each.heredocs
