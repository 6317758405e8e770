"""Gates of hosts other than dockerd's: podman's hook and policy on a real podman, containerd's verifier as it is documented."""

from __future__ import annotations

import json
import re
import shutil
import subprocess
import sys
from collections.abc import Iterator, Sequence
from pathlib import Path
from typing import NamedTuple

import pytest

from hullmark.model.errors import HullmarkError
from hullmark.model.verdict import Outcome
from hullmark.places.gates.podman import policy_of, starting
from hullmark.places.gates.settings import read_settings
from tests.support.engines import needed, unmount_below
from tests.support.gated_docker import CERTIFIED, STOPPED, UNKNOWN, image_called, judged, keep_verdicts
from tests.support.images import Blobs, sha256, tar_of
from tests.support.places import REPOSITORY
from tests.support.registry import FakeRegistry

PROGRAM = (sys.executable, "-c", "from hullmark.cli import program; program()")
DIGEST = sha256(b"manifest")


class Podman(NamedTuple):
    """podman below a folder, with our hook."""

    folder: Path
    ids: dict[str, str]

    def __call__(self, *arguments: str) -> subprocess.CompletedProcess[str]:
        command = (
            *("podman", "--root", f"{self.folder}/root", "--runroot", f"{self.folder}/run", "--storage-driver", "vfs"),
            *("--tmpdir", f"{self.folder}/scratch", "--events-backend", "file", "--cgroup-manager", "cgroupfs"),
            *("--runtime", "runc", "--hooks-dir", str(self.folder / "hooks")),
        )
        return subprocess.run([*command, *arguments], capture_output=True, text=True, timeout=120)

    def run(self, image: str, *options: str) -> subprocess.CompletedProcess[str]:
        """Run a container that says that it ran."""
        network = () if "--network=host" in options else ("--network=none",)
        return self("run", "--rm", *network, *options, image, "echo", "it ran")


@pytest.fixture(scope="module")
def podman(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Podman]:
    needed("podman", "runc")
    folder = tmp_path_factory.mktemp("podman")
    podman = Podman(folder, {})
    (folder / "hooks").mkdir()
    for name in (CERTIFIED, UNKNOWN, STOPPED):
        archive, podman.ids[name] = image_called(name)
        (folder / "image.tar").write_bytes(archive)
        loaded = podman("load", "-i", str(folder / "image.tar"))
        if loaded.returncode:
            pytest.skip(f"podman does not work here: {loaded.stderr[-300:]}")
    plain = podman.run(CERTIFIED)
    if "it ran" not in plain.stdout:
        pytest.skip(f"podman starts no container here: {plain.stderr[-300:]}")
    keep_verdicts(
        folder / "verdicts.db",
        judged(podman.ids[CERTIFIED], Outcome.GO),
        judged(podman.ids[STOPPED], Outcome.STOP, "a known exploited vulnerability"),
    )
    written = run("podman", "--write-hook", str(folder / "hooks"), "--verdicts", str(folder / "verdicts.db"))
    assert written.returncode == 0, written.stderr
    yield podman
    podman("rm", "--all", "--force", "--time", "0")
    unmount_below(folder)


def run(*arguments: str, given: str = "") -> subprocess.CompletedProcess[str]:
    """`hullmark admit …`."""
    return subprocess.run([*PROGRAM, "admit", *arguments], capture_output=True, text=True, input=given, timeout=60)


@pytest.mark.slow
@pytest.mark.parametrize("options", [(), ("--memory=64m",), ("--cap-drop=ALL", "--read-only")], ids=str)
def test_podman_runs_what_is_certified(options: Sequence[str], podman: Podman) -> None:
    done = podman.run(CERTIFIED, *options)
    assert (done.returncode, done.stdout.strip()) == (0, "it ran"), done.stderr


@pytest.mark.slow
@pytest.mark.parametrize(
    ("image", "options", "reason"),
    [
        (UNKNOWN, (), "nobody has judged it"),
        (STOPPED, (), "a known exploited vulnerability"),
        (CERTIFIED, ("--privileged",), "its isolation is host"),
        (CERTIFIED, ("--cap-add=SYS_ADMIN",), "its isolation is host"),
        (CERTIFIED, ("--pid=host",), "its isolation is host"),
        (CERTIFIED, ("--ipc=host",), "its isolation is host"),
        (CERTIFIED, ("--security-opt=seccomp=unconfined",), "its isolation is host"),
        (CERTIFIED, ("--security-opt=unmask=ALL",), "its isolation is host"),
        (CERTIFIED, ("--volume=/etc:/host",), "its isolation is host"),
        (CERTIFIED, ("--network=host",), "its isolation is host"),
    ],
    ids=str,
)
def test_podmans_hook_refuses_what_may_not_start(
    image: str, options: Sequence[str], reason: str, podman: Podman
) -> None:
    done = podman.run(image, *options)
    assert done.returncode != 0
    assert "it ran" not in done.stdout
    assert reason in done.stderr, done.stderr


@pytest.mark.slow
def test_podman_starts_nothing_without_verdicts(podman: Podman) -> None:
    kept = podman.folder / "verdicts.db"
    kept.rename(podman.folder / "away.db")
    try:
        done = podman.run(CERTIFIED)
        assert done.returncode != 0
        assert "has no verdicts" in done.stderr
    finally:
        (podman.folder / "away.db").rename(kept)


def test_a_policy_for_podman_lists_what_passes_by_digest() -> None:
    good = judged(sha256(b"1"), Outcome.GO)
    images = [
        good.__class__(
            digest=DIGEST, indexes=(sha256(b"i"),), tags=("r.test/shop:1", "r.test/shop:2"), verdicts=good.verdicts
        ),
        judged(sha256(b"2"), Outcome.STOP),
        good.__class__(digest=sha256(b"3"), tags=("r.test/x:1",)),
    ]
    policy = policy_of(images)
    assert policy["default"] == [{"type": "reject"}]
    assert set(policy["transports"]["docker"]) == {f"r.test/shop@{DIGEST}", f"r.test/shop@{sha256(b'i')}"}
    signed = policy_of(images, "/etc/hullmark/key.pub")["transports"]["docker"][f"r.test/shop@{DIGEST}"]
    assert signed == [{"type": "sigstoreSigned", "keyPath": "/etc/hullmark/key.pub"}]


@pytest.mark.parametrize("state", [b"", b"[]", b"{}", b'{"id":"x","bundle":"/x"}', b"[" * 100_000], ids=len)
def test_a_state_that_tells_nothing_starts_nothing(state: bytes) -> None:
    with pytest.raises(HullmarkError):
        starting(state, "runc")
    assert run("podman", "--hook", given=state.decode()).returncode != 0


# containerd ---------------------------------------------------------------------------------------------------------


@pytest.fixture
def verifier(tmp_path: Path) -> Path:
    """The program that containerd 2 would run, of a host with one image that goes and one that stops."""
    images = [
        judged(sha256(b"c1"), Outcome.GO),
        judged(sha256(b"c2"), Outcome.STOP, "a known exploited vulnerability"),
    ]
    keep_verdicts(tmp_path / "verdicts.db", *images)
    done = run("containerd", "--write-verifier", str(tmp_path / "bin"), "--verdicts", str(tmp_path / "verdicts.db"))
    assert done.returncode == 0, done.stderr
    return tmp_path / "bin" / "hullmark"


def verified(verifier: Path, digest: str, descriptor: object = None) -> tuple[int, str]:
    """Run it as containerd's documentation says (docs/image-verification.md)."""
    told = {"mediaType": "application/vnd.oci.image.manifest.v1+json", "digest": digest, "size": 7}
    done = subprocess.run(
        [
            str(verifier),
            *("-name", "registry.test/shop:1", "-digest", digest),
            *("-stdin-media-type", "application/vnd.oci.descriptor.v1+json"),
        ],
        input=json.dumps(told if descriptor is None else descriptor),
        capture_output=True,
        text=True,
        timeout=60,
    )
    return done.returncode, done.stdout


def test_containerds_verifier_lets_pass_what_passes(verifier: Path) -> None:
    assert verified(verifier, sha256(sha256(b"c1").encode())) == (0, "it passes\n")


def test_containerds_verifier_says_why_not(verifier: Path) -> None:
    status, reason = verified(verifier, sha256(sha256(b"c2").encode()))
    assert (status, "a known exploited vulnerability" in reason) == (1, True)
    status, reason = verified(verifier, sha256(b"nobody's"))
    assert (status, "nobody has judged it" in reason) == (1, True)


@pytest.mark.parametrize("descriptor", ["text", {"digest": sha256(b"another")}, [1]], ids=str)
def test_containerds_verifier_refuses_a_strange_descriptor(verifier: Path, descriptor: object) -> None:
    assert verified(verifier, sha256(sha256(b"c1").encode()), descriptor)[0] != 0


# What is there already ------------------------------------------------------------------------------------------------


@pytest.mark.parametrize(("name", "status"), [("c1", 0), ("c2", 1), ("c3", 3)])
def test_a_host_says_whether_an_image_may_start(name: str, status: int, verifier: Path) -> None:
    file = str(verifier.parents[1] / "verdicts.db")
    done = run("check", sha256(name.encode()), "--verdicts", file, "-o", "json")
    assert done.returncode == status, done.stderr
    assert json.loads(done.stdout)[0]["verdict"] == {0: "go", 1: "stop", 3: "unknown"}[status]


# What the page says ---------------------------------------------------------------------------------------------------


def test_the_settings_on_the_page_are_valid() -> None:
    page = (REPOSITORY / "docs" / "how-to" / "gate-a-docker-host.md").read_text("utf-8")
    (block,) = re.findall(r"```yaml\n(.*?)```", page, re.DOTALL)
    settings = read_settings(block.encode(), "gate.yaml")
    assert (settings.fail, settings.least_grade, settings.grace_days) == ("closed", "default", 3)


def test_the_verifier_and_the_hook_keep_their_settings(tmp_path: Path) -> None:
    settings = tmp_path / "it's a gate.yaml"
    settings.write_text("mode: warn\n")
    keep_verdicts(tmp_path / "verdicts.db", judged(sha256(b"c2"), Outcome.STOP))
    where = ("--verdicts", str(tmp_path / "verdicts.db"), "--settings", str(settings))
    assert run("containerd", "--write-verifier", str(tmp_path / "bin"), *where).returncode == 0
    assert verified(tmp_path / "bin" / "hullmark", sha256(sha256(b"c2").encode()))[0] == 0  # it only warns
    assert run("podman", "--write-hook", str(tmp_path / "hooks"), *where).returncode == 0
    hook = json.loads((tmp_path / "hooks" / "hullmark.json").read_text())
    assert hook["hook"]["args"][-2:] == ["--settings", str(settings)]
    assert hook["hook"]["path"] == hook["hook"]["args"][0]


def test_skopeo_fetches_what_the_policy_lists_and_nothing_else(tmp_path: Path) -> None:
    if shutil.which("skopeo") is None:
        pytest.skip("there is no skopeo")
    blobs = Blobs()
    digests = [blobs.image((tar_of({"name": name}),))["digest"] for name in (b"good", b"bad")]
    with FakeRegistry(blobs, digests="true").running() as registry:
        image = judged(sha256(b"1"), Outcome.GO)
        listed = image.__class__(digest=digests[0], tags=(f"{registry.host}/shop:1",), verdicts=image.verdicts)
        (tmp_path / "policy.json").write_text(json.dumps(policy_of([listed])))
        for digest, is_listed in zip(digests, (True, False), strict=True):
            registry.answers.append((200, {}, b"{}"))  # to whether it is a registry
            source = f"docker://{registry.host}/shop@{digest}"
            command = ["skopeo", "--policy", str(tmp_path / "policy.json"), "copy", "--src-tls-verify=false"]
            target = f"dir:{tmp_path / digest[7:]}"
            done = subprocess.run([*command, source, target], capture_output=True, text=True, timeout=60)
            assert (done.returncode == 0) is is_listed, done.stderr
            assert is_listed or "rejected by policy" in done.stderr
