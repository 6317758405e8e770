"""Layers of containers that change while they are looked at, or cannot be read: that is said, and nothing else is taken for it."""

from __future__ import annotations

import os
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest

from hullmark.places.runtime.engines.drift import DriftMemory
from hullmark.places.runtime.engines.files import UnreadableFile
from tests.unit.places.runtime.test_overlay import ID, SNAPSHOTS, Host, host

__all__ = ["host"]
_UNSEEN = "the container's files were not looked at whole: "


def unseen(host: Host) -> str:
    """The one thing that a look says: what was not seen."""
    ((kind, subject, summary),) = host.look(DriftMemory())
    assert (kind, subject) == ("problem", "drift")
    assert summary.startswith(_UNSEEN)
    return summary.removeprefix(_UNSEEN)


def before(patch: pytest.MonkeyPatch, call: str, name: str, act: Callable[[], object], times: int = 1) -> None:
    """Have something happen just before a file or folder is opened, or its state is read, for the given time."""
    original = getattr(os, call)
    left = [times]

    def acting(path: Any, *arguments: Any, **named: Any) -> Any:
        if path == name and left[0] > 0:
            left[0] -= 1
            if not left[0]:
                act()
        return original(path, *arguments, **named)

    patch.setattr(f"hullmark.places.runtime.containerd.overlay.os.{call}", acting)


def refuse() -> None:
    """What a file system says whose server is away."""
    raise OSError(5, "Input/output error")


def test_a_process_that_is_gone_and_a_layer_that_is_gone_are_said(host: Host) -> None:
    layer = host.folder / SNAPSHOTS.lstrip("/") / "3"
    layer.rename(layer.with_name("4"))
    assert unseen(host).endswith("/snapshots/3/fs cannot be read: No such file or directory")
    (host.folder / "proc" / "7" / "mountinfo").unlink()
    assert unseen(host) == "its process cannot be looked at: No such file or directory"


def test_a_process_with_more_mounts_than_are_read_is_said(host: Host) -> None:
    os.truncate(host.folder / "proc" / "7" / "mountinfo", 5 << 20)
    assert unseen(host) == "its process has too many mounts"


def test_folders_that_are_too_deep_hide_nothing_else(host: Host) -> None:
    host.put(3, "/".join(["a"] * 131) + "/hidden")
    host.put(3, "b/seen")
    first, second = host.look(DriftMemory())
    assert first == ("drift", "/b/seen", "an executable is not the image's")
    assert second[2] == f"{_UNSEEN}folders are deeper than 128 in one another"


def test_a_path_that_no_file_can_have_is_an_error(host: Host) -> None:
    with pytest.raises(UnreadableFile, match="cannot be read: File name too long") as refused:
        host.files.read(ID, "/" + "x" * 300)
    assert refused.value.advice == "the agent is to run as the host's root"
    assert host.files.read(ID, "/etc/nothing") is None


def test_a_file_that_vanishes_while_it_is_listed_is_no_change(host: Host, monkeypatch: pytest.MonkeyPatch) -> None:
    file = host.put(3, "srv/gone")
    host.put(3, "srv/run")
    before(monkeypatch, "stat", "gone", file.unlink)
    assert host.look(DriftMemory()) == [("drift", "/srv/run", "an executable is not the image's")]


def test_a_file_whose_state_cannot_be_read_hides_nothing_else(host: Host, monkeypatch: pytest.MonkeyPatch) -> None:
    host.put(3, "srv/broken")
    host.put(3, "srv/run")
    before(monkeypatch, "stat", "broken", refuse)
    first, second = host.look(DriftMemory())
    assert first == ("drift", "/srv/run", "an executable is not the image's")
    assert second[2] == f"{_UNSEEN}/srv/broken cannot be read: Input/output error"


def test_a_file_that_may_be_the_images_is_not_taken_for_a_new_one(host: Host, monkeypatch: pytest.MonkeyPatch) -> None:
    host.put(1, "bin/tool")
    host.put(2, "bin/other")
    host.put(3, "bin/tool")
    before(monkeypatch, "stat", "tool", refuse, times=2)
    assert unseen(host) == "/bin/tool cannot be read: Input/output error"


@pytest.mark.parametrize("change", ["gone", "folder gone", "a pipe", "unreadable"])
def test_a_program_that_changes_before_it_is_read_is_not_read(
    host: Host, monkeypatch: pytest.MonkeyPatch, change: str
) -> None:
    file = host.put(3, "srv/run")

    def make_pipe() -> None:
        file.unlink()
        os.mkfifo(file, 0o755)

    acts: dict[str, tuple[str, Callable[[], object], int]] = {
        "gone": ("run", file.unlink, 1),
        "folder gone": ("srv", lambda: file.parent.rename(Path(f"{file.parent}.old")), 2),
        "a pipe": ("run", make_pipe, 1),
        "unreadable": ("run", refuse, 1),
    }
    name, act, times = acts[change]
    before(monkeypatch, "open", name, act, times)
    said = {"a pipe": "/srv/run was another a moment ago", "unreadable": "/srv/run cannot be read: Input/output error"}
    if change in said:
        with pytest.raises(UnreadableFile, match=said[change]):
            host.files.read(ID, "/srv/run")
    else:
        assert host.files.read(ID, "/srv/run") is None
