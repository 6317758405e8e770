"""The layer that changes make, and an image's layers on another base."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

from msgspec.structs import replace

from hullmark.catalog.systems import rpm
from hullmark.catalog.systems.apk import INSTALLED, InstalledPackage
from hullmark.catalog.systems.dpkg_files import LIST
from hullmark.catalog.systems.dpkg_status import STATUS, Stanza
from hullmark.catalog.systems.rpmdb import Database
from hullmark.catalog.systems.rpmdb.header import RpmHeader
from hullmark.maintenance.remedy.flatten import can_be_copied, flatten_layers, settings_of, without
from hullmark.maintenance.remedy.rebase import rebased_layers, rebased_settings
from hullmark.maintenance.remedy.stack import LayerStack
from hullmark.model.image import HealthCheck, ImageConfig
from hullmark.model.package import Package
from hullmark.model.remedy import Change, FileChange
from hullmark.model.upkeep import PackageUpdate
from hullmark.rootfs.entry import Entry, LayerRecord
from hullmark.rootfs.squash import squash
from tests.unit.maintenance.remedy.test_instructions import package

DATABASE = "var/lib/dpkg/status"


class Nothing:
    """Nobody saw what newer packages bring."""

    def of(self, update: PackageUpdate) -> None:
        return None


def stanza(name: str, version: str = "1") -> Stanza:
    return Stanza(name, version, "", "installed", "", "", "", "", b"")


def record(*paths: str, packages: Sequence[Stanza] = (), lists: dict[str, bytes] | None = None) -> LayerRecord:
    """A layer with files; folders end with a slash, `a=b` is another name of b."""
    entries: list[Entry] = []
    facts: dict[str, list[tuple[int, Any]]] = {}
    for path in (*paths, *(lists or ()), *((DATABASE,) if packages else ())):
        name, _, target = path.partition("=")
        kind = "d" if name.endswith("/") else "h" if target else "f"
        if name == DATABASE:
            facts[STATUS.name] = [(len(entries), tuple(packages))]
        if lists and name in lists:
            facts.setdefault(LIST.name, []).append((len(entries), lists[name]))
        entries.append(Entry(name.rstrip("/").encode(), kind, 0o4755, 0, 0, 1, 0, target.encode()))
    return LayerRecord(digest="", diff_id="", size=0, entries=entries, facts=facts, problems=[])


def changed(base: LayerRecord, owned: dict[str, list[str]], *changes: Change) -> tuple[dict[str, Entry], LayerRecord]:
    """What is visible with the changes, and their layer."""
    top = LayerStack([base]).layer(changes, owned, Nothing())
    assert top is not None
    return {path.decode(): node.entry for path, node in squash([base, top]).nodes.items()}, top


def installed(records: Sequence[LayerRecord]) -> list[tuple[str, str]]:
    """The packages that the visible database has."""
    node = squash(records).nodes[DATABASE.encode()]
    [fact] = [fact for position, fact in records[node.layer].facts[STATUS.name] if position == node.position]
    return [(each.name, each.version) for each in fact]


def removal(*packages: Package) -> Change:
    return Change(kind="removal", subject="", summary="", removed=packages)


def test_a_package_goes_with_its_empty_folders() -> None:
    base = record(
        "usr/share/a/",
        "usr/share/a/x",
        "usr/bin/a",
        "usr/share/b/",
        "usr/share/b/y",
        packages=[stanza("a"), stanza("b")],
    )
    a = package("a")
    owned = {a.purl: ["/usr/share/a", "/usr/share/a/x", "/usr/bin/a", "/usr/share/b"]}
    seen, top = changed(base, owned, removal(a))
    assert seen.keys() == {"usr/share/b", "usr/share/b/y", DATABASE}
    assert installed([base, top]) == [("b", "1")]


def test_a_mode_is_that_of_all_names_of_a_file() -> None:
    base = record("usr/bin/a", "usr/bin/b=usr/bin/a", "usr/bin/c")
    change = Change(
        kind="file", subject="", summary="", files=(FileChange("/usr/bin/a", 0o6000), FileChange("/usr/bin/c"))
    )
    seen, _ = changed(base, {}, change)
    assert {path: entry.mode for path, entry in seen.items()} == {"usr/bin/a": 0o755, "usr/bin/b": 0o755}


def test_what_nobody_saw_of_an_update_is_a_problem() -> None:
    base = record("usr/bin/a", packages=[stanza("a")])
    update = PackageUpdate(installed=package("a"), candidate=package("a", "2"), index="")
    change = Change(kind="update", subject="a", summary="", updates=(update,))
    _, top = changed(base, {package("a").purl: ["/usr/bin/a"]}, change)
    assert installed([base, top]) == [("a", "2")]
    assert [problem.reason for problem in top.problems] == ["what a 2 brings was not seen"]
    [both] = [changed(base, {}, change, removal(package("a")))]
    assert (installed([base, both[1]]), both[1].problems) == ([], [])


def test_a_path_that_is_not_in_the_image_is_not_changed() -> None:
    """A finding may be about a file that a later layer deleted; a package may list files that are not there."""
    base = record("usr/bin/a", "usr/bin/b", packages=[stanza("a")])
    a = package("a")
    change = Change(kind="file", subject="", summary="", files=(FileChange("/gone"), FileChange("/usr/bin/b")))
    seen, _ = changed(base, {a.purl: ["/usr/bin/a", "/usr/share/doc/a"]}, removal(a), change)
    assert seen.keys() == {DATABASE}


def test_apks_database_has_the_newer_versions_and_what_nothing_was_done_about() -> None:
    """Facts that other readers took of the file stay as they are."""

    def listed(name: str, version: str = "1") -> InstalledPackage:
        return InstalledPackage(name, version, "", "", "", "", "", "", "", b"")

    base = record("lib/apk/db/installed", "bin/a")
    base.facts[INSTALLED.name] = [(0, tuple(map(listed, "abc")))]
    base.facts["other"] = [(0, "text")]
    newer = replace(package("a"), type="apk"), replace(package("a", "2"), type="apk")
    update = PackageUpdate(installed=newer[0], candidate=newer[1], index="")
    gone = replace(package("b"), type="apk")
    _, top = changed(base, {}, Change(kind="update", subject="a", summary="", updates=(update,)), removal(gone))
    assert top.facts[INSTALLED.name] == [(0, (listed("a", "2"), listed("c")))]
    assert top.facts["other"] == [(0, "text")]


def test_rpms_database_has_the_newer_versions_and_of_its_log_nothing_is_known() -> None:
    """The log lies over the database, and would hide what is written there."""
    base = record("var/lib/rpm/rpmdb.sqlite", "var/lib/rpm/rpmdb.sqlite-wal", "bin/a")
    headers = (RpmHeader("a", "1", "1.el9"), RpmHeader("b", "3", "1.el9"))
    base.facts[rpm.DATABASE.name] = [(0, Database(headers))]
    base.facts[rpm.LOG.name] = [(1, None)]
    newer = replace(package("a", "1-1.el9"), type="rpm"), replace(package("a", "2:2-4.el9"), type="rpm")
    update = PackageUpdate(installed=newer[0], candidate=newer[1], index="")
    _, top = changed(base, {}, Change(kind="update", subject="a", summary="", updates=(update,)))
    [(_, database)] = top.facts[rpm.DATABASE.name]
    assert [(each.name, each.epoch, each.version, each.release) for each in database.headers] == [
        ("a", 2, "2", "4.el9"), ("b", None, "3", "1.el9"),
    ]  # fmt: skip
    assert "how newer packages change a log of rpm's database is not known" in [each.reason for each in top.problems]


def test_packages_above_a_base_are_those_of_three_databases() -> None:
    old = record("bin/sh", packages=[stanza("a"), stanza("b"), stanza("c"), stanza("d"), stanza("gone")])
    new = record(
        "bin/sh", packages=[stanza("a", "2"), stanza("b"), stanza("c", "5"), stanza("d", "2"), stanza("fresh")]
    )
    own = [stanza("a"), stanza("c", "3"), stanza("d", "4"), stanza("gone"), stanza("app")]
    lists = {"var/lib/dpkg/info/c.list": b"/usr/lib/c\n", "var/lib/dpkg/info/d.list": b"/usr/lib/d\n"}
    upper = record("usr/lib/c", "usr/lib/d", packages=own, lists=lists)
    found = rebased_layers([old, upper], 1, [new])
    assert sorted(installed(found)) == [("a", "2"), ("app", "1"), ("c", "5"), ("d", "4"), ("fresh", "1")]
    # What the new base renewed more than the layers above brings its own files.
    assert b"usr/lib/c" not in squash(found).nodes
    assert b"usr/lib/d" in squash(found).nodes


def test_a_version_that_is_not_one_counts_as_renewed_by_the_layers_above() -> None:
    """Nobody can say which is newer: what the image itself has is kept."""
    old, new = record(packages=[stanza("a"), stanza("b")]), record(packages=[stanza("a", "2"), stanza("b", "1")])
    upper = record(packages=[stanza("a", "not a version!"), stanza("b")])
    assert sorted(installed(rebased_layers([old, upper], 1, [new]))) == [("a", "not a version!"), ("b", "1")]


def test_settings_of_the_old_base_become_those_of_the_new_one() -> None:
    check = HealthCheck(test=("CMD", "x"))
    old = ImageConfig(
        user="1", env=("PATH=/bin", "V=1"), labels={"a": "1", "b": "1"}, exposed_ports=("80/tcp",), cmd=("sh",)
    )
    new = ImageConfig(user="2", env=("PATH=/bin", "V=2"), labels={"a": "2"}, exposed_ports=("81/tcp",), cmd=("bash",))
    own = ImageConfig(
        user="1",
        env=("PATH=/bin", "V=1", "APP=3"),
        labels={"a": "1", "b": "1", "c": "3"},
        exposed_ports=("80/tcp", "90/tcp"),
        entrypoint=("app",),
        healthcheck=check,
    )
    found = rebased_settings(own, old, new)
    assert (found.user, found.env, found.labels) == ("2", ("PATH=/bin", "V=2", "APP=3"), {"a": "2", "c": "3"})
    assert (found.exposed_ports, found.entrypoint, found.cmd, found.healthcheck) == (
        ("81/tcp", "90/tcp"),
        ("app",),
        (),
        check,
    )


def test_a_copy_has_what_is_visible_and_the_settings_that_are_given_again() -> None:
    lower = record("etc/key", "usr/bin/a", packages=[stanza("a"), stanza("b")])
    upper = record("usr/bin/b=usr/bin/a", packages=[stanza("a", "2")])
    upper.entries.append(Entry(b"etc/key", "w", 0, 0, 0, 0, 0))
    found = flatten_layers([lower, upper])
    assert [entry.path for entry in found.entries] == [b"usr/bin/a", b"usr/bin/b", DATABASE.encode()]
    assert installed([found]) == [("a", "2")]
    config = ImageConfig(
        user="7", env=("A=$1", "B=2"), labels={"x": 'a "b"', "y": "1"}, exposed_ports=("22/tcp", "80/tcp")
    )
    left = without(config, (("EXPOSE", "22/tcp"), ("ENV", "B"), ("LABEL", "y")))
    assert [" ".join(each) for each in settings_of(left)] == [
        'ENV A="\\$1"',
        "USER 7",
        "EXPOSE 80/tcp",
        'LABEL x="a \\"b\\""',
    ]
    assert can_be_copied(config)
    assert not can_be_copied(ImageConfig(env=("TOKEN=****",)))
    assert not can_be_copied(ImageConfig(user="a\nRUN x"))
