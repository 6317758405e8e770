"""A Debian root file system with servers in it as their packages set them up, built once and kept below var/.

Their programs can be run in it with chroot, and say themselves what their configuration comes to.
"""

from __future__ import annotations

import os
import shutil
import subprocess
import tempfile
from pathlib import Path

import pytest

from hullmark.facets.configuration.parser import Parser
from hullmark.rootfs.dispatch import compile_globs
from tests.support.configuration import ReadSettings, read_settings
from tests.support.places import REPOSITORY

PACKAGES = (
    "nginx",
    "apache2",
    "openssh-server",
    "php-cli",
    "php-fpm",
    "libapache2-mod-php",
    "mariadb-server",
    "postgresql",
    "redis-server",
    "sudo",
    "cron",
    "postfix",
    "procps",
)
_ROOT = REPOSITORY / "var" / "configured"


def configured_root() -> Path:
    """The root file system. Skips the test where it cannot be built: without root's rights, mmdebstrap or Debian's packages."""
    if (_ROOT / "usr/sbin/sshd").exists():
        return _ROOT
    if os.geteuid() != 0 or shutil.which("mmdebstrap") is None:
        pytest.skip("building a root file system needs root's rights and mmdebstrap")
    beside = _ROOT.with_name(f"configured-{os.getpid()}")
    command = ["mmdebstrap", "--quiet", "--mode=root", "--variant=minbase", f"--include={','.join(PACKAGES)}"]
    command += ["trixie", str(beside), *_sources()]
    built = subprocess.run(command, capture_output=True, text=True, timeout=900, check=False)
    if built.returncode:
        shutil.rmtree(beside, ignore_errors=True)
        pytest.skip(f"the root file system cannot be built: {built.stderr[-300:]}")
    if not _ROOT.exists():
        beside.rename(_ROOT)
    return _ROOT


def _sources() -> list[str]:
    """This machine's own sources of packages, but for those on its disk, which the new root does not have."""
    folder = Path("/etc/apt/sources.list.d")
    files = [*sorted(folder.glob("*.sources")), *sorted(folder.glob("*.list")), Path("/etc/apt/sources.list")]
    return [str(file) for file in files if file.is_file() and "file:" not in file.read_text("utf-8", "replace")]


def files_below(root: Path, globs: tuple[str, ...]) -> tuple[dict[str, bytes], dict[str, str]]:
    """The files below a root that a parser's globs ask for, and every symbolic link with its target, as read_settings takes them."""
    fits = compile_globs(globs).fullmatch
    files, links = {}, {}
    for folder, folders, names in os.walk(root):
        for path in (Path(folder, name) for name in (*folders, *names)):
            name = path.relative_to(root).as_posix()
            if path.is_symlink():
                links[name] = str(path.readlink())
            elif path.is_file() and fits(name.encode()):
                files[name] = path.read_bytes()
    return files, links


def settings_of(parser: Parser, root: Path) -> ReadSettings:
    """What a parser makes of a root's files. Folders of its /etc that are empty are there too."""
    files, links = files_below(root, parser.globs)
    empty = {f"{path.relative_to(root)}/empty": b"" for path in root.glob("etc/**/") if not any(path.iterdir())}
    files |= empty  # folders stand in memory where something stands in them
    return read_settings(parser, files, links=links)


_VARIABLES = {"PATH": "/usr/sbin:/usr/bin:/sbin:/bin"}


def run_in(root: Path, *command: str, status: int | None = 0) -> str:
    """What a program in it prints, on standard output and then standard error. `status`: what it must end with (None: anything)."""
    done = subprocess.run(
        ["chroot", str(root), *command], capture_output=True, text=True, timeout=60, check=False, env=_VARIABLES
    )
    assert status is None or done.returncode == status, done.stderr[-500:]
    return done.stdout + done.stderr


def run_until(root: Path, last: str, *command: str) -> str:
    """The same, however it ends; but a line on standard error with `last` in it is its last: it is not waited for afterwards."""
    with (
        tempfile.TemporaryFile("w+") as out,
        subprocess.Popen(
            ["chroot", str(root), *command], stdout=out, stderr=subprocess.PIPE, text=True, env=_VARIABLES
        ) as process,
    ):
        assert process.stderr is not None
        said = ""
        for line in process.stderr:
            said += line
            if last in line:
                process.kill()
                break
        process.wait(60)
        out.seek(0)
        return out.read() + said
