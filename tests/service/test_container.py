"""Our own image: built by its recipe, passed by our strict policies, and run with no rights at all."""

from __future__ import annotations

import contextlib
import json
import os
import shutil
import subprocess
import sys
import tarfile
from collections.abc import Iterator
from pathlib import Path

import pytest

from tests.support.container import Image, built_image, podman_with
from tests.support.places import REPOSITORY
from tests.support.processes import PASSWORD, Client, until
from tests.support.registry import free_port
from tests.support.updated import updated_program

pytestmark = pytest.mark.slow

EXCEPTIONS = """
exceptions:
  - rule: strict-no-data
    subject: "pkg:generic/openssl@*"
    expires: "2030-01-01"
    owner: hullmark
    reason: PyPI's advisories about cryptography tell of the OpenSSL that its wheels carry
  - rule: strict-no-data
    subject: "pkg:generic/postgresql@*"
    expires: "2030-01-01"
    owner: hullmark
    reason: NVD tells of PostgreSQL, and is not among the advisories at hand
"""
"""A claim of a wheel, and a program in one: no advisory that is at hand speaks of them under their own names."""


@pytest.fixture(scope="module")
def image() -> Image:
    """The image of this checkout."""
    return built_image()


def hullmark(*words: object) -> subprocess.CompletedProcess[bytes]:
    """Run the program of this checkout."""
    program = Path(sys.executable).parent / "hullmark"
    return subprocess.run([program, *map(str, words)], capture_output=True, timeout=120, cwd=REPOSITORY)


def test_our_strict_policies_let_our_own_image_pass(
    image: Image, tmp_path: Path, tmp_path_factory: pytest.TempPathFactory
) -> None:
    policies = tmp_path / "policies"
    policies.mkdir()
    for name in ("strict.yaml", "baseline.yaml", "minimal-attack-surface.yaml"):
        shutil.copy(REPOSITORY / "policies" / name, policies)
    with (policies / "strict.yaml").open("a") as strict:
        strict.write(EXCEPTIONS)
    shelf = updated_program(tmp_path_factory).program.home / ".local/share/hullmark/advisories"
    ran = hullmark("check", "--policy", policies, "--db-dir", shelf, "-o", "json", f"docker-archive:{image.archive}")
    told = json.loads(ran.stdout)
    # The advisories at hand are a part, and old: that alone may keep rules from telling, and nothing of the image does.
    assert (told["verdict"], ran.returncode) in (("go", 0), ("warn", 0), ("unknown", 3)), ran.stdout.decode()[:3000]
    # What wheels claim to carry is looked up in NVD's advisories, which are not among them, and in those of Rust's crates.
    partial = [f"advisories for {name}" for name in ("debian:13", "pypi", "cargo", "programs that no package manager")]
    said = (*partial, "could not be identified")
    assert [problem for problem in told["problems"] if not any(words in problem["reason"] for words in said)] == []
    # For the same reason there is a warning, and three hundred megabytes are not enough for a database and an interpreter.
    warned = {"baseline-stale-advisories", "minimal-size", "strict-size"}
    counted = [finding for finding in told["findings"] if finding["allowlisted"] is None]
    assert {finding["rule_id"] for finding in counted} <= warned, counted


def test_all_that_is_in_it_is_known(image: Image) -> None:
    told = json.loads(hullmark("scan", "--files", "-o", "json", f"docker-archive:{image.archive}").stdout)
    names = {package["name"] for package in told["packages"]}
    assert {"libc6", "python3.13-minimal", "libssl3t64", "tzdata", "hullmark", "litestar", "psycopg-binary"} <= names
    assert not names & {
        "apt",
        "dpkg",
        "perl-base",
        "bash",
        "dash",
        "coreutils",
        "pip",
        "setuptools",
        "faker",
        "pytest",
        "moto",
    }
    assert told["problems"] == []
    paths = {file["path"] for file in told["files"] if file["state"] != "missing"}
    programs = {path for path in paths if path.startswith(("/usr/bin/", "/usr/sbin/", "/bin/", "/sbin/"))}
    assert programs == {"/usr/bin/python3", "/usr/bin/python3.13"}


def test_it_holds_no_setting_of_the_machine_that_built_it(image: Image, tmp_path: Path) -> None:
    with tarfile.open(image.archive) as archive:
        archive.extractall(tmp_path, filter="data")
    manifest = json.loads((tmp_path / "manifest.json").read_text())[0]
    config = json.loads((tmp_path / manifest["Config"]).read_text())
    assert config["config"]["User"] == "10001:10001"
    assert config["config"]["Entrypoint"] == ["/opt/hullmark/bin/hullmark"]
    assert config["config"]["Healthcheck"]["Test"][0] == "CMD"
    names, modes = set(), {}
    for layer in manifest["Layers"]:
        with tarfile.open(tmp_path / layer) as files:
            for entry in files:
                names.add(entry.name)
                modes[entry.name] = entry.mode
    assert not names & {"etc/pip.conf", "etc/apt/apt.conf.d/99host", "root/.config/pip/pip.conf", "etc/shadow"}
    assert [name for name, mode in modes.items() if mode & 0o6000] == []
    packages = {name.rpartition("/")[2] for name in names if name.startswith("var/lib/dpkg/status.d/")}
    for package in packages - {""}:
        if not package.endswith(".md5sums"):
            assert f"usr/share/doc/{package}/copyright" in names or f"usr/share/doc/{package}" in names, package
    assert "opt/hullmark/lib/python3.13/site-packages/hullmark-0.1.0.dist-info/licenses/LICENSE" in names


@contextlib.contextmanager
def running(podman: tuple[str, ...], image: Image, folder: Path) -> Iterator[Client]:
    """A container with a root that cannot be written to, no capability, and memory for its data; a client of its server."""
    port = free_port()
    name = f"hullmark-test-{port}"
    given = {"HULLMARK_LISTEN": f"127.0.0.1:{port}", "HULLMARK_ADMIN_PASSWORD": PASSWORD}
    limits = [f"--ulimit=nofile={_limit('n')}", f"--ulimit=nproc={_limit('u')}"]
    bounds = ["--read-only", "--cap-drop=all", "--security-opt=no-new-privileges", "--network=host", *limits]
    memory = ["--tmpfs=/var/lib/hullmark:rw,mode=1777", "--tmpfs=/tmp"]
    variables = [f"--env={key}={value}" for key, value in given.items()]
    log = folder / f"{name}.log"
    environment = {**os.environ, "PODMAN_IGNORE_CGROUPSV1_WARNING": "1"}
    with log.open("wb") as said:
        process = subprocess.Popen(
            [*podman, "run", "--rm", f"--name={name}", *bounds, *memory, *variables, image.name],
            stdout=said,
            stderr=said,
            env=environment,
        )
    client = Client("127.0.0.1", port)

    def answers() -> bool:
        assert process.poll() is None, log.read_text()[-3000:]
        return client.ask("GET", "/readyz").status == 200

    try:
        until(answers, 90, "the server in the container")
        yield client
    finally:
        subprocess.run([*podman, "stop", "--time=30", name], capture_output=True, timeout=60, env=environment)
        with contextlib.suppress(subprocess.TimeoutExpired):
            process.wait(30)
        if process.poll() is None:
            subprocess.run([*podman, "rm", "--force", name], capture_output=True, timeout=60, env=environment)
            process.kill()
            process.wait()


def _limit(kind: str) -> str:
    import resource

    soft, hard = resource.getrlimit({"n": resource.RLIMIT_NOFILE, "u": resource.RLIMIT_NPROC}[kind])
    return f"{soft}:{hard}"


def can_run(podman: tuple[str, ...], image: Image) -> None:
    """Skip where podman cannot run anything at all."""
    limits = [f"--ulimit=nofile={_limit('n')}", f"--ulimit=nproc={_limit('u')}"]
    words = [*podman, "run", "--rm", "--network=host", *limits, image.name, "--version"]
    ran = subprocess.run(words, capture_output=True, timeout=120)
    if ran.returncode in (125, 126):
        pytest.skip(f"podman runs no container here: {ran.stderr.decode()[-300:]}")
    assert ran.stdout.startswith(b"hullmark "), ran.stderr


def test_it_serves_with_no_rights_and_its_own_postgresql(image: Image, tmp_path: Path) -> None:
    with podman_with(image, tmp_path / "podman") as podman:
        can_run(podman, image)
        with running(podman, image, tmp_path) as client:
            assert client.must("GET", "/readyz") == {"database": "ok", "objects": "ok"}
            assert client.must("GET", "/api/v1/system")["version"]
            kept = client.must("POST", "/api/v1/policies", {"text": (REPOSITORY / "policies/strict.yaml").read_text()})
            assert kept["name"] == "strict"
