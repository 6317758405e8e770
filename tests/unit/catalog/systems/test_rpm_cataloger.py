"""The rpm cataloger: packages, their layers and sources, the files they own, and what is told when data is missing."""

from __future__ import annotations

import pytest
from hypothesis import given
from hypothesis import strategies as st

from hullmark.catalog.systems.rpm import CATALOGER, assemble, extract_manifest, list_owned_files
from hullmark.model.inventory import Distro
from hullmark.model.package import Location, OwnedFile, SourcePackage
from tests.support.places import shared
from tests.support.views import FakeView
from tests.unit.catalog.systems.test_rpm_databases import make_bdb, make_ndb, make_sqlite
from tests.unit.catalog.systems.test_rpm_header import CHAR, FILES, IDENTITY, INT16, INT32, Value, make_header

SQLITE = "var/lib/rpm/rpmdb.sqlite"
ROCKY = Distro(id="rocky", version_id="9.3")


def package(name: str, version: str = "1", **more: Value) -> bytes:
    """The header of a package, with tags by their number (`t1003=…`)."""
    return make_header({1000: name, 1001: version, 1002: "1", **{int(tag[1:]): value for tag, value in more.items()}})


def names(view: FakeView) -> list[str]:
    """The names of the packages found."""
    return [found.name for found in assemble(view)]


def test_a_package_carries_all_that_its_header_says() -> None:
    header = make_header(
        {
            1000: "nodejs",
            1001: "16.19.1",
            1002: "1.module+el9",
            1003: (INT32, [1]),
            1011: "Rocky",
            1014: "MIT and Python",
            1022: "x86_64",
            1044: "nodejs-16.19.1-1.module+el9.src.rpm",
            5096: "nodejs:16:902:rhel9",
        }
    )
    (found,) = assemble(FakeView({SQLITE: make_sqlite([header])}, CATALOGER, distro=ROCKY))
    assert (found.type, found.name, found.version, found.arch) == ("rpm", "nodejs", "1:16.19.1-1.module+el9", "x86_64")
    assert found.source == SourcePackage("nodejs", "16.19.1-1.module+el9")
    assert found.licenses == ("MIT and Python",)
    assert found.locations == (Location("/var/lib/rpm/rpmdb.sqlite", 0),)
    assert found.notes == {
        "vendor": "Rocky",
        "modularity": "nodejs:16:902:rhel9",
        "sourcerpm": "nodejs-16.19.1-1.module+el9.src.rpm",
    }
    assert found.purl == (
        "pkg:rpm/rocky/nodejs@16.19.1-1.module%2Bel9?arch=x86_64&distro=rocky-9.3&epoch=1"
        "&rpmmod=nodejs%3A16%3A902%3Arhel9&upstream=nodejs-16.19.1-1.module%2Bel9.src.rpm"
    )


@pytest.mark.parametrize(
    ("distro", "start"),
    [
        (None, "pkg:rpm/a@1-1"),
        (Distro(id="rhel", version_id="9.3"), "pkg:rpm/redhat/a@1-1?distro=rhel-9.3"),
        (Distro(id="opensuse-leap", version_id="15.5"), "pkg:rpm/opensuse/a@1-1?distro=opensuse-leap-15.5"),
        (Distro(id="fedora"), "pkg:rpm/fedora/a@1-1?distro=fedora"),
    ],
)
def test_the_purl_names_the_distribution(distro: Distro | None, start: str) -> None:
    (found,) = assemble(FakeView({SQLITE: make_sqlite([package("a")])}, CATALOGER, distro=distro))
    assert found.purl == start


def test_an_epoch_of_zero_is_not_written() -> None:
    (found,) = assemble(FakeView({SQLITE: make_sqlite([package("a", t1003=(INT32, [0]))])}, CATALOGER))
    assert (found.version, found.purl) == ("1-1", "pkg:rpm/a@1-1")


def test_a_package_without_a_version_is_kept_as_unknown() -> None:
    (found,) = assemble(FakeView({SQLITE: make_sqlite([make_header({1000: "a"})])}, CATALOGER))
    assert (found.version, found.purl) == ("UNKNOWN", "pkg:rpm/a")


@pytest.mark.parametrize(
    ("source_rpm", "source"),
    [
        ("util-linux-2.37.4-11.el9.src.rpm", SourcePackage("util-linux", "2.37.4-11.el9")),
        ("mesa-1-2.nosrc.rpm", SourcePackage("mesa", "1-2")),
        ("(none)", None),
        ("x-1.src.rpm", None),
        ("-1-2.src.rpm", None),
    ],
)
def test_the_source_package_is_read_off_its_file_name(source_rpm: str, source: SourcePackage | None) -> None:
    (found,) = assemble(FakeView({SQLITE: make_sqlite([package("a", t1044=source_rpm)])}, CATALOGER))
    assert found.source == source


def test_each_package_stands_in_the_layer_that_installed_this_version_of_it() -> None:
    layers = [
        {SQLITE: make_sqlite([package("kept"), package("updated", "1"), package("gone"), package("back")])},
        {SQLITE: make_sqlite([package("kept"), package("updated", "2"), package("gone"), package("added")])},
        {"etc/motd": b"hello"},
        {SQLITE: make_sqlite([package("kept"), package("updated", "2"), package("added"), package("back")])},
    ]
    found = {each.name: each.locations[0].layer for each in assemble(FakeView({}, CATALOGER, layers=layers))}
    assert found == {"kept": 0, "updated": 1, "added": 1, "back": 3}


@pytest.mark.parametrize(
    ("path", "body"),
    [
        ("var/lib/rpm/Packages", make_bdb([package("a")])),
        ("usr/lib/sysimage/rpm/Packages.db", make_ndb([package("a")])),
        ("usr/share/rpm/rpmdb.sqlite", make_sqlite([package("a")])),
        ("var/lib/rpm/Packages", make_sqlite([package("a")])),
    ],
    ids=["Berkeley DB", "ndb", "sqlite", "a format under another's name"],
)
def test_every_place_and_format_is_read(path: str, body: bytes) -> None:
    view = FakeView({path: body}, CATALOGER)
    assert (names(view), view.problems) == (["a"], [])


def test_public_keys_are_packages_as_rpm_lists_them() -> None:
    (found,) = assemble(FakeView({SQLITE: make_sqlite([package("gpg-pubkey", "fd431d51")])}, CATALOGER))
    assert (found.name, found.version, found.arch) == ("gpg-pubkey", "fd431d51-1", "")


def test_a_real_berkeley_db_of_red_hat_is_read() -> None:
    body = shared("conformance", "packages", "input", "rpm-01-bdb", "Packages").read_bytes()
    view = FakeView({"var/lib/rpm/Packages": body}, CATALOGER)
    (found,) = assemble(view)
    assert (found.name, found.version, found.licenses) == ("dive", "0.9.2-1", ("MIT",))
    assert [(file.path, file.algorithm) for file in list_owned_files(view)] == [("usr/local/bin/dive", "sha256")]
    assert view.problems == []


def test_a_file_that_is_no_database_is_reported() -> None:
    view = FakeView({SQLITE: b"x" * 5000}, CATALOGER)
    assert names(view) == []
    assert view.problems == [(SQLITE, "the file has the name of an rpm database but is none")]


def test_an_empty_database_is_reported_unless_another_beside_it_holds_packages() -> None:
    alone = FakeView({SQLITE: b""}, CATALOGER)
    assert names(alone) == []
    assert alone.problems == [(SQLITE, "the rpm database is empty: no bytes, and no other database beside it")]
    beside = FakeView({SQLITE: b"", "var/lib/rpm/Packages": make_bdb([package("a")])}, CATALOGER)
    assert (names(beside), beside.problems) == (["a"], [])


def test_a_log_that_cannot_be_read_is_never_passed_over_in_silence() -> None:
    body = make_sqlite([package("a")])
    view = FakeView({SQLITE: body, SQLITE + "-wal": bytes(4152)}, CATALOGER)
    assert names(view) == ["a"]
    assert view.problems == [
        (SQLITE + "-wal", "the log of the rpm database has a head of another form; changes in it were not read")
    ]
    alone = FakeView({SQLITE + "-wal": bytes(4152)}, CATALOGER)
    assert (names(alone), len(alone.problems)) == ([], 2)
    empty = FakeView({SQLITE: body, SQLITE + "-wal": b""}, CATALOGER)
    assert (names(empty), empty.problems) == (["a"], [])


def test_files_are_owned_with_digest_kind_and_flags() -> None:
    tags: dict[int, Value] = {
        **IDENTITY,
        1116: (INT32, [0, 0, 1, 1, 1, 0]),
        1117: ["bash", "sh", "bashrc", "skel", "bash.log", "bash.hint"],
        1118: ["/usr/bin/", "/etc/"],
        1030: (INT16, [0o100755, 0o120777, 0o100644, 0o040755, 0o100600, 0o100644]),
        1035: ["A" * 64, "", "b" * 64, "", "", "c" * 64],
        1036: ["", "bash", "", "", "", ""],
        1037: (INT32, [0, 0, 17, 0, 64, 8]),
        5011: (INT32, [8]),
    }
    view = FakeView({SQLITE: make_sqlite([make_header(tags)])}, CATALOGER)
    purl = "pkg:rpm/bash@5.1.8-6.el9?arch=x86_64"
    assert list(list_owned_files(view)) == [
        OwnedFile(path="usr/bin/bash", owner=purl, algorithm="sha256", digest="a" * 64, kind="f"),
        OwnedFile(path="usr/bin/sh", owner=purl, kind="l", link="bash"),
        OwnedFile(path="etc/bashrc", owner=purl, algorithm="sha256", digest="b" * 64, kind="f", config=True),
        OwnedFile(path="etc/skel", owner=purl, kind="d"),
        OwnedFile(path="etc/bash.log", owner=purl, kind="f", ghost=True),
        OwnedFile(path="usr/bin/bash.hint", owner=purl, algorithm="sha256", digest="c" * 64, kind="f", ghost=True),
    ]


@pytest.mark.parametrize(
    ("number", "digest", "algorithm"),
    [
        (None, "d" * 32, "md5"),
        (1, "d" * 32, "md5"),
        (2, "d" * 40, "sha1"),
        (8, "d" * 64, "sha256"),
        (10, "d" * 128, ""),
        (8, "d" * 32, ""),
    ],
)
def test_the_digest_algorithm_is_told_by_its_number(number: int | None, digest: str, algorithm: str) -> None:
    tags: dict[int, Value] = {1000: "a", 1116: (INT32, [0]), 1117: ["f"], 1118: ["/"], 1035: [digest]}
    if number is not None:
        tags[5011] = (INT32, [number])
    (file,) = list_owned_files(FakeView({SQLITE: make_sqlite([make_header(tags)])}, CATALOGER))
    assert (file.algorithm, file.digest) == (algorithm, digest if algorithm else "")


@pytest.mark.parametrize(
    ("state", "digest", "ghost"),
    [(0, "d" * 32, False), (1, "", False), (2, "d" * 32, True), (3, "d" * 32, True), (4, "", False)],
    ids=["normal", "replaced", "not installed", "shared over the net", "wrong colour"],
)
def test_what_rpm_did_with_a_file_decides_what_can_be_asked_of_it(state: int, digest: str, ghost: bool) -> None:
    tags: dict[int, Value] = {1000: "a", 1116: (INT32, [0]), 1117: ["f"], 1118: ["/"], 1035: ["d" * 32]}
    header = make_header(tags, {1029: (CHAR, [state])})
    (file,) = list_owned_files(FakeView({SQLITE: make_sqlite([header])}, CATALOGER))
    assert (file.digest, file.ghost) == (digest, ghost)


def test_the_files_of_a_system_in_a_folder_are_in_that_folder() -> None:
    body = make_sqlite([make_header({**IDENTITY, **FILES})])
    view = FakeView({"mnt/root/usr/lib/sysimage/rpm/rpmdb.sqlite": body}, CATALOGER)
    assert [file.path for file in list_owned_files(view)] == [
        "mnt/root/usr/bin/bash",
        "mnt/root/etc/bashrc",
        "mnt/root/etc/skel",
    ]


MANIFEST = "var/lib/rpmmanifest/container-manifest-2"
LINES = (
    b"filesystem\t1.1-19.cm2\t1699474126\t1698948203\tMicrosoft Corporation\t(none)\t7596\tx86_64\t0\tfilesystem-1.1-19.cm2.src.rpm\n"
    b"shadow-utils\t4.9-12.cm2\t1699474126\t1698948203\tMicrosoft Corporation\t2\t7596\tx86_64\t2\tshadow-utils-4.9-12.cm2.src.rpm\n"
)


def test_a_manifest_stands_for_the_database_that_a_small_image_lacks() -> None:
    distro = Distro(id="mariner", version_id="2.0")
    first, second = assemble(FakeView({MANIFEST: LINES}, CATALOGER, distro=distro))
    assert (first.name, first.version, first.arch) == ("filesystem", "1.1-19.cm2", "x86_64")
    assert first.source == SourcePackage("filesystem", "1.1-19.cm2")
    assert first.locations == (Location("/" + MANIFEST, 0),)
    assert (second.version, second.notes["vendor"]) == ("2:4.9-12.cm2", "Microsoft Corporation")
    assert second.purl == (
        "pkg:rpm/mariner/shadow-utils@4.9-12.cm2?arch=x86_64&distro=mariner-2.0&epoch=2"
        "&upstream=shadow-utils-4.9-12.cm2.src.rpm"
    )


def test_lines_that_are_not_of_the_manifests_form_are_reported_and_the_others_read() -> None:
    view = FakeView({MANIFEST: b"bash\t5.1\n\n" + LINES + b"\xff\xfe\n"}, CATALOGER)
    assert names(view) == ["filesystem", "shadow-utils"]
    assert view.problems == [(MANIFEST, "2 lines are not of the manifest's form")]


@given(st.binary(max_size=300) | st.text("\t\n-(none)0a", max_size=200).map(str.encode))
def test_reading_a_manifest_survives_any_bytes(body: bytes) -> None:
    reports: list[str] = []
    extract_manifest(MANIFEST, memoryview(body), reports.append)
    assert len(reports) <= 1


def test_a_file_with_two_names_counts_once() -> None:
    view = FakeView(
        {"usr/lib/sysimage/rpm/rpmdb.sqlite": make_sqlite([package("a")])},
        CATALOGER,
        links={"var/lib/rpm": "../../usr/lib/sysimage/rpm"},
    )
    assert names(view) == ["a"]


def test_a_database_that_claims_more_paths_than_can_be_held_is_cut_and_reported(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    monkeypatch.setattr("hullmark.catalog.systems.rpm._MAX_PATH_BYTES", 60)
    view = FakeView({SQLITE: make_sqlite([make_header({**IDENTITY, **FILES})] * 2)}, CATALOGER)
    assert len(list(list_owned_files(view))) == 3
    assert view.problems == [(SQLITE, "the rpm database claims too many files; some were left out")]
