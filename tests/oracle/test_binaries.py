"""Programs of this machine are the oracle: what each says of its own version is found when its file is copied into an image without a
package database.
"""

from __future__ import annotations

import platform
import re
import subprocess
import sysconfig
from pathlib import Path

import pytest

from hullmark.catalog.binaries.search import ProgramSearch
from hullmark.catalog.binaries.table import find_by_path
from tests.support.layers import TarBuilder
from tests.support.programs import inventory

SAYS = {
    "nginx": ("/usr/sbin/nginx", "-v", r"nginx/(\S+)"),
    "httpd": ("/usr/sbin/apache2", "-v", r"Apache/([\d.]+)"),
    "redis": ("/usr/bin/redis-server", "--version", r"v=([\d.]+)"),
    "memcached": ("/usr/bin/memcached", "-V", r"memcached ([\d.]+)"),
    "haproxy": ("/usr/sbin/haproxy", "-v", r"version ([\d.]+)"),
    "postgresql": ("/usr/lib/postgresql/*/bin/postgres", "--version", r"\) ([\d.]+)"),
    "mariadb": ("/usr/bin/mariadb", "--version", r"([\d.]+)-MariaDB"),
    "python": ("/usr/bin/python3.[0-9]*", "-V", r"Python (\S+)"),
    "perl": ("/usr/bin/perl", "-v", r"\(v([\d.]+)\)"),
    "ruby": ("/usr/bin/ruby3*", "-v", r"ruby (\d\.\d+\.\d+)"),
    "php-cli": ("/usr/bin/php8*", "-v", r"PHP ([\d.]+)"),
    "node": ("/usr/bin/node", "--version", r"v(\S+)"),
    "bash": ("/usr/bin/bash", "--version", r"version (\d+\.\d+\.\d+)"),
    "busybox": ("/usr/bin/busybox", "--help", r"BusyBox v([\d.]+)"),
    "openssl": ("/usr/bin/openssl", "version", r"OpenSSL (\S+)"),
    "curl": ("/usr/bin/curl", "--version", r"curl ([\d.]+)"),
    "jq": ("/usr/bin/jq", "--version", r"jq-([\d.]+)"),
    "zstd": ("/usr/bin/zstd", "--version", r"v([\d.]+)"),
    "xz": ("/usr/bin/xz", "--version", r"xz \(XZ Utils\) ([\d.]+)"),
    "gzip": ("/usr/bin/gzip", "--version", r"gzip ([\d.]+)"),
    "util-linux": ("/usr/bin/getopt", "--version", r"util-linux ([\d.]+)"),
    "openjdk": ("/usr/lib/jvm/*/bin/java", "-version", r"\(build ([^,)\s]+)"),
    "ffmpeg": ("/usr/bin/ffmpeg", "-version", r"ffmpeg version (\d+\.\d+(?:\.\d+)?)"),
}


def _is_program(path: Path) -> bool:
    with path.open("rb") as file:
        return file.read(4) == b"\x7fELF"


def _there(pattern: str) -> list[Path]:
    """The programs themselves, not links to them or scripts of like names."""
    found = {path.resolve() for path in Path("/").glob(pattern.lstrip("/"))}
    return sorted(path for path in found if path.is_file() and _is_program(path))


PROGRAMS = [(name, path) for name, (pattern, *_) in SAYS.items() for path in _there(pattern)]


def _found(path: Path) -> list[str]:
    """What the search finds, reading a large program in pieces."""
    search = ProgramSearch(find_by_path(str(path)), path.name)
    with path.open("rb") as file:
        while piece := file.read(1 << 20):
            search.write(memoryview(piece))
    return [version for _, version in search.finish(lambda reason: None) or ()]


@pytest.mark.parametrize(("name", "path"), PROGRAMS, ids=[f"{name}-{path.name}" for name, path in PROGRAMS])
def test_the_version_is_that_which_the_program_says(name: str, path: Path) -> None:
    _, option, pattern = SAYS[name]
    done = subprocess.run([str(path), option], capture_output=True, text=True, check=False, timeout=60)
    said = re.search(pattern, done.stdout + done.stderr)
    if said is None and "root" in done.stderr:
        pytest.skip("it does not run for root")
    assert said is not None, done
    assert _found(path) == [said[1]]


def test_enough_programs_are_there_to_ask() -> None:
    assert len({name for name, _ in PROGRAMS}) >= 3


def test_copied_programs_are_the_only_packages_of_an_image() -> None:
    tar = TarBuilder()
    for path in (Path("/usr/bin/bash"), Path("/usr/bin/gzip")):
        tar.add(f"opt/tools/{path.name}", path.read_bytes(), mode=0o755)
    packages = inventory(tar.done()).packages
    assert [(package.name, package.cataloger) for package in packages] == [("bash", "binaries"), ("gzip", "binaries")]
    assert all(package.owned_by is None and package.notes["cpes"].startswith("a:gnu:") for package in packages)


def test_the_library_of_this_python_is_found_where_its_launcher_holds_no_version() -> None:
    library = Path(sysconfig.get_config_var("LIBDIR") or "") / (sysconfig.get_config_var("INSTSONAME") or "")
    if not library.is_file() or not library.name.startswith("libpython"):
        pytest.skip("this Python has no shared library")
    assert _found(library) == [platform.python_version()]
