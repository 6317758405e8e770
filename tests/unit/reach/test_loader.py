"""Where the dynamic loader looks: its cache, hardware folders, paths in place of names, what is loaded into every program."""

from __future__ import annotations

import struct

import pytest

from hullmark.model.setting import Setting
from hullmark.reach.loader import LD_CACHE
from tests.support.dynamic import dynamic_elf
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


def test_locale_reads_character_maps_where_a_script_asks_for_them_after_postgresql_did_not() -> None:
    """It is known how the server starts it; a script that starts it too may do that in any way."""
    charmap = "/usr/share/i18n/charmaps/UTF-8.gz"
    files = {
        **BASE,
        "/usr/bin/locale": program(constants=("/usr/share/i18n/charmaps",)),
        "/usr/lib/postgresql/bin/postgres": program(calls=("popen",)),
        charmap: b"x",
        "/start": b"#!/bin/sh\n/usr/lib/postgresql/bin/postgres &\n/opt/more\n",
        "/opt/more": b"#!/bin/sh\nlocale -m\n",
    }
    owners = {"/usr/lib/postgresql/bin/postgres": "postgresql", "/usr/bin/locale": "libc-bin"}
    assert reach_of(walked(files, ("/start",), owners=owners))["/usr/bin/locale"] == "reachable"
    assert charmap in walked(files, ("/start",), owners=owners).kept
