"""Two images side by side: files, settings, layers, licences, sizes, vulnerabilities."""

from __future__ import annotations

from typing import Any

from hypothesis import given
from msgspec.structs import replace

from hullmark.catalog.difference.files import file_changes
from hullmark.catalog.difference.images import ComparedImage, image_difference
from hullmark.catalog.difference.settings import setting_changes
from hullmark.catalog.difference.vulnerabilities import vulnerability_difference
from hullmark.model.difference import ImageDifference
from hullmark.model.image import HealthCheck, ImageConfig
from hullmark.model.image_layers import LayerFiles
from hullmark.model.inventory import FileRecord, Inventory, UnexplainedPrograms
from hullmark.model.match import Matches, Suppression
from hullmark.report.difference_words import facts
from tests.support.matching import inventory as inventory_of
from tests.support.matching import package
from tests.unit.report.matches_samples import match
from tests.unit.report.samples import FILES, INVENTORIES, SOURCE, inventories


def file(path: str, **more: Any) -> FileRecord:
    values = {"type": "file", "mode": 0o644, "uid": 0, "gid": 0, "size": 1, "sha256": "aa", "link": "", "layer": 0}
    return FileRecord(path=path, **{"owner": None, "state": "unowned", **values, **more})


def with_files(*files: FileRecord, kind: str = "oci-dir") -> Inventory:
    return replace(INVENTORIES["empty"], files=files, source=replace(SOURCE, kind=kind))


def what(before: FileRecord, after: FileRecord) -> tuple[str, ...]:
    found = file_changes(with_files(before), with_files(after))
    assert found is not None
    return found[0].what if found else ()


def compared(before: Inventory, after: Inventory) -> ImageDifference:
    return image_difference(ComparedImage(inventory=before), ComparedImage(inventory=after))


def test_a_file_is_another_by_content_type_target_mode_owner_or_capability_but_not_by_its_layer() -> None:
    one = file("/a")
    assert what(one, file("/a", layer=3, state="ok", owner="pkg:deb/a")) == ()
    assert what(one, file("/a", sha256="bb")) == ("content",)
    assert what(one, file("/a", mode=0o4755, uid=1)) == ("mode", "owner")
    assert what(one, file("/a", type="symlink", sha256="", link="b")) == ("type",)
    assert what(file("/a", type="symlink", link="b"), file("/a", type="symlink", link="c")) == ("target",)
    assert what(one, file("/a", capability="01")) == ("capability",)


def test_files_come_and_go_and_those_that_no_container_sees_do_not_count() -> None:
    before = with_files(file("/a"), file("/b"), file("/ghost", state="ghost"))
    changes = file_changes(before, with_files(file("/b"), file("/c"), file("/missing", state="missing")))
    assert changes is not None
    assert [(change.step, change.path) for change in changes] == [("out", "/a"), ("in", "/c")]


def test_of_a_bill_of_materials_with_regular_files_alone_only_their_content_is_compared() -> None:
    image = with_files(file("/a", mode=0o755), file("/d", type="dir", sha256=""), file("/e", sha256="ee"))
    sbom = with_files(file("/a", mode=0), file("/e", sha256="ff"), kind="sbom")
    changes = file_changes(image, sbom)
    assert changes is not None
    assert [(change.path, change.what) for change in changes] == [("/e", ("content",))]


def test_settings_are_compared_by_name_and_key() -> None:
    before = ImageConfig(user="root", env=("PATH=/bin", "A=1"), cmd=("sh",), labels={"x": "1"}, created="2020")
    after = ImageConfig(
        user="web",
        env=("A=1", "PATH=/usr/bin"),
        cmd=("sh", "-c", "a b"),
        exposed_ports=("80/tcp",),
        healthcheck=HealthCheck(test=("NONE",)),
        created="2021",
    )
    found = setting_changes(before, after)
    assert found is not None
    assert [(change.name, change.key, change.before, change.after) for change in found] == [
        ("Cmd", "", '["sh"]', '["sh", "-c", "a b"]'),
        ("Env", "PATH", "/bin", "/usr/bin"),
        ("ExposedPorts", "80/tcp", None, ""),
        ("Healthcheck", "", None, '{"interval":0,"retries":0,"test":["NONE"],"timeout":0}'),
        ("Labels", "x", "1", None),
        ("User", "", "root", "web"),
    ]
    assert setting_changes(None, after) is None


def test_layers_are_shared_as_far_as_both_begin_alike() -> None:
    one, two, three = SOURCE.layers
    before = replace(INVENTORIES["empty"], source=replace(SOURCE, layers=(one, two)))
    after = replace(INVENTORIES["empty"], source=replace(SOURCE, layers=(one, three, two)))
    layers = compared(before, after).layers
    assert layers is not None
    assert (layers.shared, layers.new, layers.gone) == ((one,), (three, two), (two,))


def test_what_is_not_known_is_not_compared_and_said() -> None:
    before = replace(INVENTORIES["empty"], files=None, config=None, source=replace(SOURCE, layers=()))
    difference = compared(before, with_files(file("/a")))
    assert (difference.files, difference.settings, difference.layers, difference.vulnerabilities) == (None,) * 4
    assert [gap.split(" ")[0] for gap in difference.gaps] == ["files", "settings", "layers", "vulnerabilities"]
    # A bill of materials has the name of the image that it is about.
    assert difference.gaps[0].endswith(f"not known of {SOURCE.reference} (before)")
    assert compared(with_files(file("/a")), before).gaps[0].endswith(f"not known of {SOURCE.reference} (after)")
    other = replace(before, source=replace(before.source, reference="sbom:other"))
    assert compared(with_files(file("/a")), other).gaps[0].endswith("not known of sbom:other")
    asked = image_difference(ComparedImage(inventory=before), ComparedImage(inventory=before), by_layer=True)
    assert asked.by_layer is None
    assert any(gap.startswith("what each layer does is not known") for gap in asked.gaps)


def test_sizes_are_of_what_is_stored_unpacked_and_visible() -> None:
    image = with_files(file("/a", size=5), file("/b", size=7, state="ghost"), file("/d", type="dir", size=4096))
    known = ComparedImage(inventory=image, layers=(LayerFiles(unpacked=12),))
    sizes = image_difference(known, known).after_sizes
    assert (sizes.unpacked, sizes.visible, sizes.files, sizes.packages) == (12, 5, 2, 0)
    assert sizes.stored is None  # the size of one layer is not known


def test_executables_that_nothing_explains_are_counted_side_by_side() -> None:
    before = INVENTORIES["empty"]
    after = replace(before, unexplained=UnexplainedPrograms(executables=4, bytes=9))
    told = replace(before, unexplained=UnexplainedPrograms(executables=0, bytes=0))
    assert dict(facts(compared(told, after)))["Programs"] == "0, then 4 unexplained"
    assert "Programs" not in dict(facts(compared(before, after)))
    assert "Programs" not in dict(facts(compared(told, told)))


def test_visible_bytes_count_a_file_with_several_names_once() -> None:
    image = with_files(
        file("/a", size=5), file("/b", size=5, link="a"), file("/c", size=5, link="b"),
        file("/x", size=7, link="gone"), file("/y", size=7, link="gone"),
    )  # fmt: skip
    assert compared(image, image).after_sizes.visible == 12


def matches(*found: tuple[str, str, str]) -> Matches:
    made = [match(package("npm", name, version), id, "high") for name, version, id in found]
    return Matches(source=SOURCE, distro=None, snapshot=None, matches=tuple(made), unknown=())


def test_a_vulnerability_that_stays_through_an_update_neither_comes_nor_goes() -> None:
    before = matches(("a", "1", "CVE-2024-1"), ("a", "1", "CVE-2024-2"), ("b", "1", "CVE-2024-1"))
    after = matches(("a", "2", "CVE-2024-1"), ("a", "2", "CVE-2024-3"))
    found = vulnerability_difference(before, after)
    assert [each.advisory.id for each in found.come] == ["CVE-2024-3"]
    assert [(each.advisory.id, each.package.name) for each in found.gone] == [("CVE-2024-2", "a"), ("CVE-2024-1", "b")]
    assert found.stay == 1


def test_a_vulnerability_that_no_longer_counts_is_gone() -> None:
    before = matches(("a", "1", "CVE-2024-1"))
    made = match(package("npm", "a", "1"), "CVE-2024-1", "high", suppressed=Suppression(by="vex", reason="not called"))
    found = vulnerability_difference(before, replace(before, matches=(made,)))
    assert len(found.gone) == 1
    assert found.stay == 0


def test_licences_come_and_go_with_packages_whatever_their_case() -> None:
    before = inventory_of([package("npm", "a", "1", licenses=("MIT", "ISC"))])
    after = inventory_of([package("npm", "b", "1", licenses=("mit", "GPL-3.0-only"))])
    difference = compared(before, after)
    assert (difference.licences_in, difference.licences_out) == (("GPL-3.0-only",), ("ISC",))


def test_a_licence_under_another_name_neither_comes_nor_goes() -> None:
    before = inventory_of([package("deb", "a", "1", licenses=("Expat", "GPL-2+"))])
    after = inventory_of([package("deb", "a", "1", licenses=("MIT", "GPL-2.0-or-later", "public-domain", "GPL-3+"))])
    difference = compared(before, after)
    assert (difference.licences_in, difference.licences_out) == (("GPL-3.0-or-later", "LicenseRef-public-domain"), ())
    same = compared(before, inventory_of([package("deb", "a", "1", licenses=("GPL-2.0-or-later", "MIT"))]))
    assert same.packages == ()
    as_one = compared(before, inventory_of([package("deb", "a", "1", licenses=("GPL-2.0-or-later AND MIT",))]))
    assert (as_one.packages, as_one.licences_in, as_one.licences_out) == ((), (), ())


@given(inventories())
def test_any_image_does_not_differ_from_itself(inventory: Inventory) -> None:
    difference = compared(inventory, inventory)
    assert (difference.packages, difference.files or (), difference.settings or ()) == ((), (), ())
    assert (difference.licences_in, difference.licences_out) == ((), ())


@given(inventories(), inventories())
def test_what_comes_seen_from_the_other_side_goes(before: Inventory, after: Inventory) -> None:
    there, back = compared(before, after), compared(after, before)
    assert (there.licences_in, there.licences_out) == (back.licences_out, back.licences_in)
    assert (there.files is None) == (back.files is None)
    opposite = {"in": "out", "out": "in", "changed": "changed"}
    assert [(opposite[change.step], change.path, change.before, change.after) for change in there.files or ()] == [
        (change.step, change.path, change.after, change.before) for change in back.files or ()
    ]


def test_files_of_the_samples_change_as_they_are_taken_away() -> None:
    whole = with_files(*FILES)
    changes = file_changes(whole, with_files())
    assert changes is not None
    there = {each.path for each in FILES if each.state not in ("missing", "ghost")}
    assert {change.path for change in changes} == there
