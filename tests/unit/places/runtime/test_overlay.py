"""The own layer of a container of this machine, read where the kernel says that it is: nothing leads out of it."""

from __future__ import annotations

import os
import stat
from dataclasses import dataclass
from datetime import UTC, datetime
from pathlib import Path

import pytest
from hypothesis import given
from hypothesis import strategies as st

from hullmark.model.place import PlaceEvent
from hullmark.places.runtime.containerd.overlay import LayerFolders, LocalFiles, overlay_of
from hullmark.places.runtime.engines.drift import DriftMemory, drift_of
from hullmark.places.runtime.engines.files import UnreadableFile

ID = "ab" * 32
SNAPSHOTS = "/var/lib/containerd/io.containerd.snapshotter.v1.overlayfs/snapshots"
ROOT = f"/ rw,relatime - overlay overlay rw,lowerdir={SNAPSHOTS}/2/fs:{SNAPSHOTS}/1/fs,upperdir={SNAPSHOTS}/3/fs,workdir={SNAPSHOTS}/3/work"
TABLE = f"400 300 0:50 / {ROOT}\n401 400 0:51 / /proc rw - proc proc rw\n"


def test_the_last_mount_on_the_root_is_what_a_process_sees() -> None:
    assert overlay_of(TABLE) == LayerFolders(f"{SNAPSHOTS}/3/fs", (f"{SNAPSHOTS}/2/fs", f"{SNAPSHOTS}/1/fs"))
    assert overlay_of(f"{TABLE}402 400 0:52 / / rw - tmpfs tmpfs rw\n") is None


@pytest.mark.parametrize(
    "options",
    [
        f"lowerdir=2/fs:1/fs,upperdir={SNAPSHOTS}/3/fs",
        f"lowerdir+={SNAPSHOTS}/2/fs,lowerdir+={SNAPSHOTS}/1/fs,upperdir={SNAPSHOTS}/3/fs",
    ],
)
def test_layers_are_told_in_several_forms(options: str) -> None:
    assert overlay_of(f"400 300 0:50 / / rw - overlay overlay rw,{options}\n") == overlay_of(TABLE)


@pytest.mark.parametrize(
    "upper", ["/etc", f"{SNAPSHOTS}/3/fs/../../../etc", "/srv/3/fs", f"{SNAPSHOTS}/3/work", f"{SNAPSHOTS}/3/fs/etc"]
)
def test_what_is_no_layer_of_containerds_is_not_looked_at(upper: str) -> None:
    assert overlay_of(f"400 300 0:50 / / rw - overlay overlay rw,lowerdir=/a,upperdir={upper}\n") is None


@given(st.text(alphabet="/ -,=:\\0401\nafsoverlay", max_size=300))
def test_any_table_is_read(text: str) -> None:
    assert overlay_of(text) is None


@dataclass
class Host:
    """A host's file system, with one container."""

    folder: Path

    @property
    def files(self) -> LocalFiles:
        return LocalFiles(self.folder, {ID: 7})

    def put(self, layer: int, path: str, body: str = "#!/bin/sh\n", mode: int = 0o755) -> Path:
        """Put a file into a layer: 3 is the container's own."""
        file = self.folder / SNAPSHOTS.lstrip("/") / str(layer) / "fs" / path
        file.parent.mkdir(parents=True, exist_ok=True)
        file.write_text(body)
        file.chmod(mode)
        return file

    def look(self, memory: DriftMemory) -> list[tuple[str, str, str]]:
        """What a look tells."""
        found: tuple[PlaceEvent, ...] = drift_of(self.files, ID, memory, datetime(2026, 1, 1, tzinfo=UTC))
        return [(event.kind, event.subject, event.summary.partition(" (sha256")[0]) for event in found]


@pytest.fixture
def host(tmp_path: Path) -> Host:
    made = Host(tmp_path)
    (tmp_path / "proc" / "7").mkdir(parents=True)
    (tmp_path / "proc" / "7" / "mountinfo").write_text(TABLE)
    (tmp_path / "proc" / "7" / "cgroup").write_text(f"0::/kubepods.slice/cri-containerd-{ID}.scope\n")
    for layer in (1, 2, 3):
        made.put(layer, f"etc/layer-{layer}", mode=0o644)
    return made


def test_changed_and_new_programs_are_told_once(host: Host) -> None:
    host.put(1, "bin/tool")
    memory = DriftMemory()
    assert host.look(memory) == []
    host.put(3, "bin/tool", "#!/bin/sh\nother\n")
    host.put(3, "srv/run")
    host.put(3, "srv/sh", mode=0o4755)
    assert host.look(memory) == [
        ("drift", "/bin/tool", "a program of the image was changed"),
        ("drift", "/srv/run", "an executable is not the image's"),
        ("drift", "/srv/sh", "a new file is setuid: mode 4755"),
        ("drift", "/srv/sh", "a shell was put there that is not the image's"),
    ]
    assert host.look(memory) == []


def test_a_copy_of_the_images_shell_is_a_shell(host: Host) -> None:
    host.put(1, "usr/bin/dash", "the shell")
    shell = host.folder / SNAPSHOTS.lstrip("/") / "2" / "fs" / "bin" / "sh"
    shell.parent.mkdir()
    shell.symlink_to("/usr/bin/dash")
    host.put(3, "srv/innocent", "the shell")
    assert ("drift", "/srv/innocent", "a shell was put there that is not the image's") in host.look(DriftMemory())


def test_links_lead_nowhere(host: Host, tmp_path: Path) -> None:
    outside = tmp_path / "outside"
    outside.mkdir()
    (outside / "secret").write_text("#!/bin/sh\nsecret\n")
    (outside / "secret").chmod(0o755)
    own = host.folder / SNAPSHOTS.lstrip("/") / "3" / "fs"
    (own / "folder").symlink_to(outside)
    (own / "file").symlink_to(outside / "secret")
    os.mkfifo(own / "pipe", 0o755)
    assert host.look(DriftMemory()) == []
    assert host.files.read(ID, "/folder/secret") is None
    for path in ("/file", "/pipe"):
        file = host.files.read(ID, path)
        assert file is not None
        assert (file.stat.kind, file.sha256) == ("other", "")


@pytest.mark.parametrize("table", ["cgroup", "mountinfo"])
def test_a_process_that_is_another_containers_is_not_believed(host: Host, table: str) -> None:
    (host.folder / "proc" / "7" / table).write_text("0::/other\n")
    ((kind, subject, summary),) = host.look(DriftMemory())
    assert (kind, subject) == ("problem", "drift")
    assert summary.endswith("its root is not an overlay that can be seen from here")
    with pytest.raises(UnreadableFile):
        LocalFiles(host.folder, {}).changes(ID)


def test_beyond_the_bound_it_is_said_that_not_all_was_seen(host: Host, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("hullmark.places.runtime.containerd.overlay._MOST_ENTRIES", 4)
    for number in range(5):
        host.put(3, f"a/{number}")
    found = host.look(DriftMemory())
    assert ("drift", "/a/0", "an executable is not the image's") in found
    assert found[-1][2].endswith("too much has changed to be looked at whole")


@pytest.mark.skipif(os.geteuid() != 0, reason="root alone makes whiteouts")
def test_what_was_removed_and_made_anew_is_not_the_images(host: Host) -> None:
    host.put(1, "bin/tool")
    whiteout = host.folder / SNAPSHOTS.lstrip("/") / "2" / "fs" / "bin" / "tool"
    whiteout.parent.mkdir()
    os.mknod(whiteout, stat.S_IFCHR, 0)
    host.put(3, "bin/tool")
    assert host.look(DriftMemory()) == [("drift", "/bin/tool", "an executable is not the image's")]
    gone = host.put(3, "bin/other")
    gone.unlink()
    os.mknod(gone, stat.S_IFCHR, 0)
    assert {change["Path"]: change["Kind"] for change in host.files.changes(ID).changes}["/bin/other"] == 2


def test_what_cannot_be_read_hides_nothing_else(host: Host, monkeypatch: pytest.MonkeyPatch) -> None:
    host.put(3, "a/hidden")
    host.put(3, "b/seen")
    scandir = os.scandir

    def refusing(folder: int) -> object:
        if os.path.samestat(os.fstat(folder), (host.put(3, "a/hidden").parent).stat()):
            raise PermissionError(13, "Permission denied")
        return scandir(folder)

    monkeypatch.setattr("hullmark.places.runtime.containerd.overlay.os.scandir", refusing)
    first, second = host.look(DriftMemory())
    assert first == ("drift", "/b/seen", "an executable is not the image's")
    assert second[2].endswith("looked at whole: /a cannot be read: Permission denied")


def test_what_a_container_does_to_its_files_fills_no_memory(host: Host, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("hullmark.places.runtime.engines.drift._MOST_TOLD", 5)
    memory = DriftMemory()
    told: list[tuple[str, str, str]] = []
    for number in range(10):
        file = host.put(3, f"srv/{number}{'x' * 200}")
        told += host.look(memory)
        assert len(memory.stats) == 2
        file.unlink()
    assert len(memory.told) == 6
    assert [kind for kind, _, _ in told] == ["drift"] * 6 + ["problem"]
    assert told[-1][2].endswith("no more of them are reported")
