"""Which engines of a host are asked: those that are named, else those whose sockets are there."""

from __future__ import annotations

import contextlib
import socket
from collections.abc import Iterator
from pathlib import Path

import pytest

from hullmark.cli.hosts import addresses
from hullmark.model.errors import HullmarkError


@contextlib.contextmanager
def listening(path: Path) -> Iterator[str]:
    """A socket; its address."""
    with contextlib.closing(socket.socket(socket.AF_UNIX)) as made:
        made.bind(str(path))
        yield f"unix://{path}"


def environment(folder: Path) -> dict[str, str]:
    """One whose sockets would be in this folder."""
    return {
        "DOCKER_HOST": f"unix://{folder}/docker.sock",
        "CONTAINER_HOST": f"unix://{folder}/podman.sock",
        "CONTAINER_RUNTIME_ENDPOINT": f"unix://{folder}/cri.sock",
    }


def test_what_is_there_is_found(tmp_path: Path) -> None:
    with pytest.raises(HullmarkError, match=r"no container engine: no socket at .*docker\.sock, .*podman\.sock"):
        addresses([], None, environment(tmp_path))
    with listening(tmp_path / "podman.sock") as podman, listening(tmp_path / "cri.sock") as cri:
        assert addresses([], None, environment(tmp_path)) == {"podman": podman, "containerd": cri}
        with listening(tmp_path / "docker.sock") as docker:
            found = addresses([], None, environment(tmp_path))
            assert found == {"docker": docker, "podman": podman, "containerd": cri}


def test_a_docker_that_is_podman_is_asked_once(tmp_path: Path) -> None:
    with listening(tmp_path / "podman.sock") as podman:
        (tmp_path / "docker.sock").symlink_to("podman.sock")
        assert addresses([], None, environment(tmp_path)) == {"podman": podman}


def test_what_is_named_is_asked_wherever_it_is(tmp_path: Path) -> None:
    known = environment(tmp_path)
    assert addresses(["docker", "docker"], None, known) == {"docker": known["DOCKER_HOST"]}
    assert addresses(["podman"], "unix:///elsewhere", known) == {"podman": "unix:///elsewhere"}
    with pytest.raises(HullmarkError, match="--address is of one engine"):
        addresses(["podman", "docker"], "unix:///elsewhere", known)
