"""What makes nothing unreachable, and what a package without files of its own is called; Go's tables; files in a cut program."""

from __future__ import annotations

import struct

from hullmark.model.package import Location, Package
from hullmark.reach.elf import facts_of_parts
from hullmark.reach.elf_file import ElfBytes, Part
from hullmark.reach.syscalls import facts_of
from tests.support.go_elf import calling, function_table, go_elf
from tests.support.reach import walked
from tests.unit.reach.test_elf import MADE
from tests.unit.reach.test_go_syscalls import ENTRY, FUNCTIONS, IN_CODE
from tests.unit.reach.test_python import LIB, LINKS, STANDARD


def test_a_part_of_a_program_that_was_not_kept_is_told() -> None:
    """Of a large one the middle is left out: what stands there may be anything."""
    view = memoryview(MADE)
    cut = ElfBytes([Part(0, view[:0x1010]), Part(0x1200, view[0x1200:])], len(MADE))
    assert facts_of_parts(cut).untold == "it is so large that not all of it was read"


def test_functions_of_go_that_stand_in_no_order_are_no_table() -> None:
    """Then every entry of the kernel counts for itself; calls of other functions say nothing of system calls."""
    names = [name for name, _ in FUNCTIONS]
    table = bytearray(function_table(names))
    rows = table.index(struct.pack("<II", 64, 8 * (len(names) + 1) + 8))
    struct.pack_into("<I", table, rows, 6400)
    found = facts_of(memoryview(go_elf(FUNCTIONS, table=bytes(table))))
    assert IN_CODE in found.untold
    more = [*FUNCTIONS, ("main.run", calling(7, b"\xb8\x09\0\0\0", 3)), ("main.last", b"\xb8\x27\0\0\0" + ENTRY)]
    found = facts_of(memoryview(go_elf(more)))
    assert (found.numbers, found.untold) == ((0, 3, 39, 56, 231), ())


def test_a_package_without_files_is_as_the_package_that_brought_it() -> None:
    """What a package of the system brought and lists itself is judged by its own files."""
    owner = "pkg:deb/debian/python3-shop@1"
    site = "/usr/lib/python3/dist-packages"
    record = f"{site}/shop-1.dist-info/METADATA"

    def of(name: str, *places: str) -> Package:
        return Package(
            type="pypi", name=name, version="1", purl=f"pkg:pypi/{name}@1", cataloger="python", owned_by=owner,
            locations=tuple(Location(path=place, layer=0) for place in places),
        )  # fmt: skip

    files = {**STANDARD, f"{site}/shop.py": b"", record: b"", "/srv/main.py": b"import shop\n"}
    owners = {f"{site}/shop.py": "python3-shop"}
    found = walked(
        files,
        ("python3", "main.py"),
        links=LINKS,
        folder="/srv",
        owners=owners,
        packages=(of("shop"), of("till", record)),
    )
    verdicts = {package.name: (package.reach, package.reason) for package in found.packages}
    assert verdicts["shop"] == ("reachable", "it came with python3-shop")
    assert verdicts["python3-shop"] == ("reachable", "")
    assert verdicts["till"][0] == "unreachable"


def test_two_packages_may_make_names_in_one_folder_and_a_program_may_open_a_file_that_is_code() -> None:
    """The folder is looked through once; a program of another package is no data."""
    site = "/usr/lib/python3/dist-packages"
    files = {
        **STANDARD,
        f"{site}/shop/__init__.py": b"import importlib\nfrom . import more\nimportlib.import_module(a)\n",
        f"{site}/shop/more.py": b"import importlib\nimportlib.import_module(b)\n",
        f"{site}/shop/left.py": b"",
        "/srv/main.py": b"import shop\nPATH = '/opt/tool/run'\n",
        "/opt/tool/run": b"text",
    }
    asked = (f"{site}/shop/left.py", "/opt/tool/run", f"{LIB}/unused.py")
    changes = {"/opt/tool/run": {"mode": 0o755}}
    found = walked(files, ("python3", "main.py"), links=LINKS, folder="/srv", why=asked, changes=changes)
    assert [answer.reach for answer in found.answers] == ["unknown", "unreachable", "unreachable"]
