"""Which containers of a workload run an image: its names and digests decide."""

from __future__ import annotations

import pytest

from hullmark.app.workloads import WorkloadFile, containers_by_image, placed_containers
from hullmark.model.errors import HullmarkError
from hullmark.model.inventory import InventorySource
from hullmark.model.isolation import Workload, WorkloadContainer

OWN = "sha256:" + "a" * 64
CONFIG = "sha256:" + "b" * 64
INDEX = "sha256:" + "c" * 64
OTHER = "sha256:" + "d" * 64


def source(
    kind: str = "registry", reference: str = "registry:docker.io/library/shop:1", tags: tuple[str, ...] = ()
) -> InventorySource:
    return InventorySource(
        kind=kind, reference=reference, digest=OWN, config_digest=CONFIG, platform="linux/amd64", layers=(), tags=tags
    )


def runs(image: str, found: InventorySource, tag: str = "") -> bool:
    workload = Workload(format="kubernetes", name="Pod/p", containers=(WorkloadContainer(name="c", image=image),))
    try:
        return len(placed_containers([WorkloadFile("f", (workload,))], found, tag)) == 1
    except HullmarkError:
        return False


@pytest.mark.parametrize(
    ("image", "expected"),
    [
        ("shop:1", True), ("docker.io/library/shop:1", True), ("docker.io/shop:1", True), ("shop", False), ("shop:2", False),
        ("registry.example/shop:1", False), (f"shop@{OWN}", True), (f"another:7@{OWN}", True), (f"shop:1@{OTHER}", False), (CONFIG, True),
        (OTHER, False), ("", False), ("@", False), ("shop:1@", False), ("${IMAGE}", False),
    ],
)  # fmt: skip
def test_an_image_is_known_by_its_name_and_by_its_digests(image: str, expected: bool) -> None:
    assert runs(image, source()) is expected


def test_the_digest_that_was_asked_for_counts_though_the_manifest_has_another() -> None:
    assert runs(f"shop@{INDEX}", source(reference=f"registry:shop@{INDEX}"))


def test_an_archive_goes_by_its_tags_or_by_the_tag_that_is_given() -> None:
    archive = source("docker-archive", "docker-archive:shop.tar", ("shop:1",))
    assert runs("shop:1", archive)
    assert not runs("shop:2", archive)
    assert runs("shop:2", archive, tag="shop:2")


def test_a_folder_without_a_name_runs_nowhere() -> None:
    assert not runs("shop:1", source("dir", "dir:/srv/root"))


def test_containers_that_name_no_image_are_passed_over_and_the_others_are_found_by_it() -> None:
    containers = tuple(
        WorkloadContainer(name=name, image=image)
        for name, image in (("a", ""), ("b", "shop:1"), ("c", "docker.io/library/shop:1"))
    )
    file = WorkloadFile("f", (Workload(format="kubernetes", name="Pod/p", containers=containers),))
    ((image, placed),) = containers_by_image([file]).items()
    assert (image, [each.container.name for each in placed]) == ("shop:1", ["b", "c"])
    with pytest.raises(HullmarkError) as caught:
        containers_by_image([file], "a")
    assert str(caught.value) == "the workload has no container 'a' with an image"
    assert caught.value.advice == "it has Pod/p/a, Pod/p/b, Pod/p/c"
