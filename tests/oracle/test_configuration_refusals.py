"""Programs refuse the files that the table says they refuse, and take the others."""

from __future__ import annotations

import subprocess
from collections.abc import Iterator
from pathlib import Path

import pytest

from tests.support.traps import plain_overlay
from tests.traps.refusals import MAIN, POSTGRES_REFUSALS, REFUSALS, Refusal

pytestmark = pytest.mark.slow

_CHECKS = {
    "nginx": "nginx -t",
    "apache": ". /etc/apache2/envvars; mkdir -p /run/apache2; apache2 -t",
    # A server that reads the first line goes on to one that it is sure to refuse.
    "redis": "! (cat /etc/redis/redis.conf; echo no-such-directive) | redis-server - 2>&1 | grep -q 'at line 1$'",
    # What only a part of the server refuses is an error, and the part is left out.
    "mysql": "mariadbd --verbose --help 2>&1 >/dev/null | (! grep -E 'ERROR|^error')",
    "php-fpm": "php-fpm8.4 -t",
    "sshd": "mkdir -p /run/sshd; ssh-keygen -A >/dev/null; /usr/sbin/sshd -t",
}


@pytest.fixture(scope="module")
def merged(root: Path, tmp_path_factory: pytest.TempPathFactory) -> Iterator[Path]:
    """The root file system, what is written there apart. Skips where overlays cannot be mounted."""
    try:
        with plain_overlay(root, tmp_path_factory.mktemp("overlay")) as folder:
            (folder / "srv").mkdir(exist_ok=True)
            yield folder
    except subprocess.CalledProcessError as error:
        pytest.skip(f"no overlay can be mounted: {error.stderr!r}")


@pytest.mark.parametrize("refusal", REFUSALS, ids=lambda refusal: f"{refusal.program} {refusal.text[-60:]!r}")
def test_the_program_says_so(refusal: Refusal, merged: Path) -> None:
    main = merged / MAIN[refusal.program]
    main.unlink(missing_ok=True)  # it may be a link, which leads to this machine's own files
    main.write_text(refusal.text)
    command = ["chroot", str(merged), "/bin/sh", "-c", _CHECKS[refusal.program]]
    done = subprocess.run(command, capture_output=True, text=True, timeout=60, check=False)
    assert bool(done.returncode) is refusal.is_refused, done.stdout + done.stderr


@pytest.mark.parametrize("refusal", POSTGRES_REFUSALS, ids=lambda refusal: repr(refusal.text))
def test_postgresql_15_says_so(refusal: Refusal, tmp_path: Path) -> None:
    server = Path("/usr/lib/postgresql/15/bin/postgres")
    if not server.exists():
        pytest.skip("PostgreSQL 15 is not installed")
    (tmp_path / "postgresql.conf").write_text(refusal.text)
    command = [str(server), "-C", "port", "-D", str(tmp_path)]
    done = subprocess.run(command, capture_output=True, text=True, timeout=60, check=False)
    assert bool(done.returncode) is refusal.is_refused, done.stdout + done.stderr
