"""Where the dynamic loader looks: its cache, hardware folders, paths in place of names, what is loaded into every program."""

from __future__ import annotations

import struct

import pytest

from hullmark.model.setting import Setting
from hullmark.reach.loader import LD_CACHE
from tests.support.dynamic import dynamic_elf
from tests.support.go_elf import go_elf
from tests.support.reach import reach_of, walked
from tests.unit.reach.test_walk import BASE, LIBC, program


def cache(entries: int, names: bytes = b"liba.so.1\0/opt/liba.so.1\0") -> bytes:
    """A cache with one library, whose head says that it has so many."""
    at = 48 + 24
    row = struct.pack("<iIIIQ", 1, at, at + names.index(b"\0") + 1, 0, 0)
    return b"glibc-ld.so.cache1.1" + struct.pack("<II", entries, len(names)) + bytes(20) + row + names


@pytest.mark.parametrize(
    ("body", "found"),
    [
        (cache(1), {"liba.so.1": ["/opt/liba.so.1"]}),
        (b"ld.so-1.7.0\0" + bytes(20) + cache(1), {"liba.so.1": ["/opt/liba.so.1"]}),
        (cache(3), {"liba.so.1": ["/opt/liba.so.1"]}),
        (cache(1)[:-10], None),
        (cache(1)[:60], None),
        (b"glibc-ld.so.cache1.1", None),
        (b"ld.so-1.7.0", None),
    ],
)
def test_the_cache_says_where_libraries_are_as_far_as_it_can_be_read(
    body: bytes, found: dict[str, list[str]] | None
) -> None:
    """One that is cut short says what stands before the end: folders are looked through all the same."""
    assert LD_CACHE.extract("etc/ld.so.cache", memoryview(body), print) == found


def test_a_cache_whose_entries_share_their_bytes_fills_no_memory() -> None:
    """Each of them could be as long as the file: no more is kept than the file can hold."""
    entries, text = 1_000, b"a" * 4_000 + b"\0"
    at = 48 + 24 * entries
    rows = b"".join(struct.pack("<iIIIQ", 1, at + i, at + i, 0, 0) for i in range(entries))
    body = b"glibc-ld.so.cache1.1" + struct.pack("<II", entries, len(text)) + bytes(20) + rows + text
    found = LD_CACHE.extract("etc/ld.so.cache", memoryview(body), print)
    assert found is not None
    assert 0 < sum(len(name) + sum(map(len, places)) for name, places in found.items()) <= 2 * len(body)


def test_a_library_is_found_by_its_path_in_hardware_folders_and_where_settings_preload_it() -> None:
    """The loader takes what fits the processor; what is not there is said, as is a loader that is missing."""
    files = {
        **LIBC,
        "/d": dynamic_elf(
            ("/opt/$LIB/libpath.so", "/opt/libgone.so", "libhard.so", "libc.so.6"), interpreter="/lib64/none.so"
        ),
        "/opt/lib/x86_64-linux-gnu/libpath.so": dynamic_elf(),
        "/usr/lib/glibc-hwcaps/x86-64-v2/libother.so": dynamic_elf(),
        "/usr/lib/glibc-hwcaps/x86-64-v3/libhard.so": dynamic_elf(),
        "/usr/lib/libhard.so": dynamic_elf(),
        "/usr/lib/libspy.so": dynamic_elf(),
    }
    setting = Setting(key="ld.preload", value=("libspy.so",), path="/etc/ld.so.preload")
    found = walked(files, ("/d",), settings=(setting,), why=("/usr/lib/libspy.so",))
    assert set(files) - set(found.kept) == {"/usr/lib/glibc-hwcaps/x86-64-v2/libother.so"}
    assert [end.reason for end in found.open_ends] == [
        "it needs /opt/libgone.so, which is not where its loader looks",
        "its loader /lib64/none.so is not in the image",
    ]
    assert found.answers[0].witness[-1].why == "is loaded into every program (ld.preload)"


@pytest.mark.parametrize("zone", ["Europe/Bern", ":Europe/Bern", "/usr/share/zoneinfo/Europe/Bern"])
def test_the_time_zone_that_a_variable_names_is_read(zone: str) -> None:
    """Others are not, and a name that leads out of the folder is none."""
    folder = "/usr/share/zoneinfo/Europe"
    files = {**BASE, "/d": program(calls=("tzset",)), f"{folder}/Bern": b"x", f"{folder}/Rome": b"x"}
    kept = walked(files, ("/d",), env=(f"TZ={zone}",)).kept
    assert {path for path in kept if path.startswith(folder)} == {f"{folder}/Bern"}
    assert not {path for path in walked(files, ("/d",), env=(f"TZ=x/../{zone}",)).kept if path.startswith(folder)}


def test_all_time_zones_are_read_where_somebody_asks_the_library_for_one_by_name() -> None:
    """A path among joined constants that leads nowhere changes nothing."""
    rust = "/etc/none/a.confunexpected/rustc/" + "0" * 40 + "/x"
    zone, library = "/usr/share/zoneinfo/Europe/Bern", "/usr/lib/libstdc++.so.6"
    files = {**BASE, "/d": program("libstdc++.so.6", constants=(rust,)), zone: b"x"}
    files[library] = dynamic_elf(soname="libstdc++.so.6", constants=("/usr/share/zoneinfo",))
    asking = "_ZNSt6chrono11locate_zoneESt17basic_string_viewIcSt11char_traitsIcEE"
    assert zone not in walked(files, ("/d",)).kept
    files["/d"] = program("libstdc++.so.6", calls=(asking,), constants=(rust,))
    assert zone in walked(files, ("/d",)).kept


@pytest.mark.parametrize(("constants", "is_kept"), [((), False), (("/usr/bin/locale",), True)])
def test_locale_reads_character_maps_where_others_than_postgresql_start_it_too(
    constants: tuple[str, ...], is_kept: bool
) -> None:
    """It is known with which option the server starts it; what else starts it may do that in any way."""
    charmap, server = "/usr/share/i18n/charmaps/UTF-8.gz", "/usr/lib/postgresql/bin/postgres"
    files = {
        **BASE,
        "/usr/bin/locale": program(constants=("/usr/share/i18n/charmaps",)),
        server: program(calls=("popen",)),
        "/usr/libexec/other": program(calls=("execv",), constants=constants),
        charmap: b"x",
        "/start": f"#!/bin/sh\n{server} &\n/usr/libexec/other\n".encode(),
    }
    owners = {server: "postgresql", "/usr/bin/locale": "libc-bin"}
    assert (charmap in walked(files, ("/start",), owners=owners).kept) is is_kept


def test_a_go_program_that_starts_others_may_start_any_program() -> None:
    """Their names are put together while it runs; the calls are those of a package of Go's library."""
    functions = [("main.main", b"\xc3")]
    files = {**BASE, "/d": go_elf(functions, data=b"\0os/exec.(*Cmd).Start\0")}
    found = walked(files, ("/d",))
    assert [end.reason for end in found.open_ends] == [
        "it is a Go program that starts others, and their names cannot be told"
    ]
    assert reach_of(found)["/bin/mount"] == "unknown"
    silent = walked({**files, "/d": go_elf(functions)}, ("/d",))
    assert (silent.open_ends, reach_of(silent)["/bin/mount"]) == ((), "unreachable")


def test_a_go_program_that_loads_time_zones_by_name_reads_them_all() -> None:
    """Which one it is, its users say."""
    zone = "/usr/share/zoneinfo/Europe/Bern"
    files = {**BASE, zone: b"x", "/d": go_elf([("main.main", b"\xc3")], data=b"\0time.LoadLocation\0")}
    assert zone in walked(files, ("/d",)).kept
    assert zone not in walked({**files, "/d": go_elf([("main.main", b"\xc3")])}, ("/d",)).kept
