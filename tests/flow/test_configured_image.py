"""An image with the servers of a real distribution as their packages set them up: its configuration, told, judged and printed."""

from __future__ import annotations

import io
import json
import tarfile
from collections.abc import Sequence
from pathlib import Path
from typing import Any

import pytest

from tests.flow.test_cache import aged
from tests.flow.test_check import policy_of, rule
from tests.flow.test_kept_files import layers_read
from tests.support.configured import configured_root
from tests.support.images import Blobs, tagged, tar_of, write_layout
from tests.support.program import Program, program_in

pytestmark = pytest.mark.slow

AT = "2026-03-10T00:00:00Z"
PARTS = ("etc", "lib", "root", "usr/lib/os-release", "usr/lib/pam.d", "usr/lib/sysctl.d", "usr/lib/systemd/system")

READ = (
    "/etc/apache2/apache2.conf",
    "/etc/apache2/sites-available/000-default.conf",
    "/etc/crontab",
    "/etc/ld.so.conf.d/libc.conf",
    "/etc/mysql/mariadb.cnf",
    "/etc/nginx/nginx.conf",
    "/etc/nginx/sites-available/default",
    "/etc/pam.d/sshd",
    "/etc/passwd",
    "/etc/postgresql/17/main/pg_hba.conf",
    "/etc/redis/redis.conf",
    "/etc/ssh/sshd_config",
    "/etc/sudoers",
    "/usr/lib/sysctl.d/50-pid-max.conf",
    "/usr/lib/systemd/system/ssh.service",
)
"""Files by their real paths, of each kind some."""

KNOWN = (
    ("sshd.X11Forwarding", True, "/etc/ssh/sshd_config", "X11Forwarding yes"),
    ("sshd.UsePAM", True, "/etc/ssh/sshd_config", "UsePAM yes"),
    ("nginx.user", "www-data", "/etc/nginx/nginx.conf", "user www-data;"),
    ("nginx.events.worker_connections", 768, "/etc/nginx/nginx.conf", "worker_connections 768;"),
    (
        "nginx.http.server[0].listen",
        ["80 default_server", "[::]:80 default_server"],
        "/etc/nginx/sites-enabled/default",
        "listen 80 default_server;",
    ),
    ("apache.AccessFileName", [".htaccess"], "/etc/apache2/apache2.conf", "AccessFileName .htaccess"),
    ("apache.DefaultIcon", "/icons/unknown.gif", "/etc/apache2/mods-enabled/autoindex.conf", "DefaultIcon /icons"),
    ("php.apache2.allow_url_include", False, "/etc/php/8.4/apache2/php.ini", "allow_url_include = Off"),
    ("mysql.server.bind_address", "127.0.0.1", "/etc/mysql/mariadb.conf.d/50-server.cnf", "127.0.0.1"),
    (
        "postgresql.cluster[17/main].data_directory",
        "/var/lib/postgresql/17/main",
        "/etc/postgresql/17/main/postgresql.conf",
        "data_directory = '/var/lib/postgresql/17/main'",
    ),
    ("postgresql.cluster[17/main].hba[0].method", "peer", "/etc/postgresql/17/main/pg_hba.conf", "peer"),
    ("redis.server[/etc/redis/redis.conf].bind", ["127.0.0.1", "-::1"], "/etc/redis/redis.conf", "bind 127.0.0.1 -::1"),
    ("sudoers.defaults.use_pty", True, "/etc/sudoers", "use_pty"),
    ("sudoers.rule[0].users", ["root"], "/etc/sudoers", "root\tALL=(ALL:ALL) ALL"),
    ("cron.job[0].user", "root", "/etc/crontab", "/etc/cron.hourly"),
    ("sysctl.kernel.pid_max", 4194304, "/usr/lib/sysctl.d/50-pid-max.conf", "kernel.pid_max = 4194304"),
)
"""Keys, values, where they are written, and what stands on that line."""


@pytest.fixture
def hullmark(tmp_path: Path) -> Program:
    return program_in(tmp_path / "run")


@pytest.fixture(scope="module")
def layer() -> bytes:
    """What parsers read of the real root, as one layer."""
    root, out = configured_root(), io.BytesIO()

    def wanted(entry: tarfile.TarInfo) -> tarfile.TarInfo | None:
        # Other tests make folders of theirs in the root, and take them away again.
        return None if "/oracle-" in f"/{entry.name}" else entry

    with tarfile.open(fileobj=out, mode="w", format=tarfile.PAX_FORMAT) as tar:
        for part in PARTS:
            tar.add(root / part, part, filter=wanted)
    return out.getvalue()


@pytest.fixture(scope="module")
def configured(tmp_path_factory: pytest.TempPathFactory, layer: bytes) -> Path:
    return image(tmp_path_factory.mktemp("configured"), [layer])


def image(folder: Path, layers: Sequence[bytes]) -> Path:
    """A layout of one image."""
    blobs = Blobs()
    return write_layout(folder, blobs, [tagged(blobs.image(tuple(layers)), "latest")])


def in_root(root: Path, path: str) -> str:
    """A path below the root, its last link followed as in the root."""
    place = root / path.lstrip("/")
    return (
        str(place.readlink()).lstrip("/") if place.is_symlink() and place.readlink().is_absolute() else path.lstrip("/")
    )


def settings_of(document: dict[str, Any]) -> dict[str, dict[str, Any]]:
    """The settings by their keys."""
    return {setting["key"]: setting for setting in document["settings"]}


def test_every_file_is_read_and_the_settings_are_those_in_effect(hullmark: Program, configured: Path) -> None:
    document = hullmark("config", configured, "-o", "json").document
    assert document["problems"] == []
    assert [path for path in READ if path not in document["files"]] == []
    found = settings_of(document)
    assert [(key, found[key]["value"], found[key]["path"]) for key, *_ in KNOWN] == [
        (key, value, path) for key, value, path, _ in KNOWN
    ]
    root = configured_root()
    for key, _, path, written in KNOWN:
        lines = (root / in_root(root, path)).read_text("utf-8", "replace").splitlines()
        assert written in lines[found[key]["line"] - 1], key


def test_settings_are_in_the_layer_that_brought_their_file(hullmark: Program, tmp_path: Path, layer: bytes) -> None:
    above = {"etc/ssh/sshd_config.d/own.conf": b"X11Forwarding no\n", "etc/redis/redis.conf": b"port 7000\n"}
    made = image(tmp_path / "image", [layer, tar_of({"srv/nothing": b""}), tar_of(above)])
    found = settings_of(hullmark("config", made, "-o", "json", "--defaults").document)
    assert {each["layer"] for each in found.values()} == {-1, 0, 2}
    assert [each["key"] for each in found.values() if (each["layer"] == -1) != (each["path"] == "")] == []
    own = {each["path"] for each in found.values() if each["layer"] == 2}
    assert own == {"/etc/ssh/sshd_config.d/own.conf", "/etc/redis/redis.conf"}
    assert (found["sshd.X11Forwarding"]["value"], found["sshd.X11Forwarding"]["layer"]) == (False, 2)
    assert (found["sshd.UsePAM"]["value"], found["sshd.UsePAM"]["layer"]) == (True, 0)


def test_it_is_told_again_to_the_byte_and_without_the_layers(hullmark: Program, configured: Path) -> None:
    aged(configured)
    words = ("config", configured, "-o", "json", "--defaults")
    first, read = hullmark.read(*words)
    assert layers_read(read, configured) > 0
    again, read = hullmark.read(*words)
    assert layers_read(read, configured) == 0
    assert first.out == again.out == hullmark(*words, "--no-cache").out


@pytest.mark.parametrize(
    ("setting", "fitting", "other"),
    [
        ("sshd.X11Forwarding", "yes", "no"),
        ("nginx.user", "www-data", "root"),
        ("mysql.server.bind_address", "127.0.0.1", "0.0.0.0"),  # noqa: S104
        ("php.apache2.allow_url_include", "no", "yes"),
        ("sysctl.kernel.pid_max", "4194304", "32768"),
    ],
)
def test_rules_judge_what_is_in_effect(
    hullmark: Program, configured: Path, tmp_path: Path, setting: str, fitting: str, other: str
) -> None:
    for value, verdict in ((fitting, "go"), (other, "stop")):
        policy = tmp_path / f"{verdict}.yaml"
        policy.write_text(policy_of(rule("configuration/must_be", setting=setting, values=[value])))
        ran = hullmark("check", "-o", "json", "--at", AT, "--policy", policy, configured)
        assert json.loads(ran.out)["verdict"] == verdict, ran.err


def test_its_files_are_printed_links_followed(hullmark: Program, configured: Path) -> None:
    root = configured_root()
    paths = ("/etc/ssh/sshd_config", "/etc/mysql/my.cnf", "/etc/os-release")
    assert (root / "etc/mysql/my.cnf").is_symlink()
    ran = hullmark("files", configured, *paths)
    texts = [
        (root / real).read_bytes() for real in ("etc/ssh/sshd_config", "etc/mysql/mariadb.cnf", "usr/lib/os-release")
    ]
    assert ran.status == 0, ran.err
    assert ran.out == b"".join(
        b"==> %s <==\n%s" % (path.encode(), text) for path, text in zip(paths, texts, strict=True)
    )
