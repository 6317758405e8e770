"""systemd's unit, run by systemd: everything on one machine, as a user that is made for it and bounded as far as it goes."""

from __future__ import annotations

import json
import os
import shutil
import subprocess
import tarfile
from collections.abc import Iterator
from pathlib import Path

import pytest

from tests.support.container import built_image
from tests.support.places import REPOSITORY
from tests.support.processes import PASSWORD, Client, until
from tests.support.registry import free_port

pytestmark = pytest.mark.slow

PACKAGES = "systemd-sysv,dbus,libnss-systemd,python3,libstdc++6,libexpat1,libsqlite3-0,ca-certificates,tzdata"
UNITS = REPOSITORY / "deploy" / "systemd"


@pytest.fixture(scope="module")
def machine(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Path]:
    """The root of a Debian machine with systemd, and the program of our image in /opt/hullmark."""
    if shutil.which("systemd-nspawn") is None or shutil.which("mmdebstrap") is None or os.geteuid() != 0:
        pytest.skip("root, systemd-nspawn and mmdebstrap are needed")
    folder = tmp_path_factory.mktemp("machine")
    image = built_image()
    root = folder / "root"
    sources = Path("/etc/apt/sources.list.d/debian.sources")
    ran = subprocess.run(
        ["mmdebstrap", "--quiet", "--mode=root", "--variant=minbase", f"--include={PACKAGES}", "trixie", root, sources],
        capture_output=True,
        timeout=600,
    )
    assert ran.returncode == 0, ran.stderr.decode()[-2000:]
    with tarfile.open(image.archive) as archive:
        manifest = json.loads(archive.extractfile("manifest.json").read())  # type: ignore[union-attr]
        for name in manifest[0]["Layers"]:
            with tarfile.open(fileobj=archive.extractfile(name)) as layer:
                program = [entry for entry in layer if entry.name.startswith("opt/hullmark/")]
                layer.extractall(root, program, filter="tar")
    yield root
    shutil.rmtree(root, ignore_errors=True)


@pytest.fixture
def unit(machine: Path) -> Iterator[tuple[Client, Path]]:
    """hullmark.service of a machine that was started: its client, and the machine's root."""
    port = free_port()
    (machine / "etc/hullmark").mkdir(exist_ok=True)
    settings = (UNITS / "hullmark.env").read_text().replace("HULLMARK_LISTEN=", "#").replace("HULLMARK_FEEDS=", "#")
    own = f"\nHULLMARK_LISTEN=127.0.0.1:{port}\nHULLMARK_ADMIN_PASSWORD={PASSWORD}\n"
    (machine / "etc/hullmark/hullmark.env").write_text(settings + own)
    shutil.copy(UNITS / "hullmark.service", machine / "etc/systemd/system")
    wanted = machine / "etc/systemd/system/multi-user.target.wants/hullmark.service"
    if not wanted.is_symlink():
        wanted.symlink_to("/etc/systemd/system/hullmark.service")
    log = machine.parent / "boot.log"
    with log.open("wb") as said:
        process = subprocess.Popen(
            ["systemd-nspawn", "-D", machine, "--boot", "--register=no", "--keep-unit"],
            stdin=subprocess.DEVNULL,
            stdout=said,
            stderr=said,
        )
    client = Client("127.0.0.1", port)

    def answers() -> bool:
        if process.poll() is not None and b"Detected virtualization" not in log.read_bytes():
            pytest.skip(f"systemd-nspawn starts no machine here: {log.read_text('utf-8', 'replace')[-300:]}")
        assert process.poll() is None, log.read_text("utf-8", "replace")[-2000:]
        return client.ask("GET", "/readyz").status == 200

    try:
        until(answers, 120, "the server in the machine")
        yield client, machine
    finally:
        process.terminate()
        try:
            process.wait(60)
        except subprocess.TimeoutExpired:
            process.kill()
            process.wait()


def of_machine(pid: int, port: int) -> bool:
    """Whether a process has this server's settings."""
    try:
        return f"HULLMARK_LISTEN=127.0.0.1:{port}\0".encode() in Path(f"/proc/{pid}/environ").read_bytes()
    except OSError:
        return False


def test_everything_runs_as_a_dynamic_user_without_rights(unit: tuple[Client, Path]) -> None:
    client, machine = unit
    assert client.must("GET", "/readyz") == {"database": "ok", "objects": "ok"}
    assert client.must("GET", "/api/v1/system")["version"]
    pids = [
        int(entry.name)
        for entry in Path("/proc").iterdir()
        if entry.name.isdecimal() and of_machine(int(entry.name), client.port)
    ]
    assert len(pids) >= 4  # the supervisor, an API, a scheduler, a worker
    for pid in pids:
        status = dict(
            line.split(":\t", 1) for line in Path(f"/proc/{pid}/status").read_text().splitlines() if ":\t" in line
        )
        assert 61_184 <= int(status["Uid"].split()[0]) <= 65_519  # where systemd takes dynamic users from
        assert (int(status["CapEff"], 16), status["NoNewPrivs"], status["Seccomp"]) == (0, "1", "2")
    state = machine / "var/lib/private/hullmark"
    assert state.stat().st_mode & 0o777 == 0o700
    assert (state / "postgres/data/PG_VERSION").read_text().strip() == "18"
