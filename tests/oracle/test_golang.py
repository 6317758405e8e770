"""Go's own `go version -m` is the oracle, on the executables of a real image, of Go itself, and of other systems."""

from __future__ import annotations

import json
import shutil
import subprocess
import tarfile
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import IO

import pytest
from isal import igzip

from hullmark.catalog.golang import READ, GoBinary, GoModule
from tests.support.places import corpus

GO = shutil.which("go")
_open: Callable[..., IO[bytes]] = igzip.open
pytestmark = pytest.mark.skipif(GO is None, reason="go is not installed")


def _told(path: Path) -> GoBinary | None:
    """What `go version -m` prints, without the settings."""
    assert GO is not None
    done = subprocess.run([GO, "version", "-m", str(path)], capture_output=True, text=True, check=False)
    if done.returncode or done.stderr:
        return None
    first, *lines = done.stdout.splitlines()
    rows = [line[1:].split("\t") for line in lines]
    modules: list[list[str]] = []
    for kind, *row in rows:
        if kind == "dep":
            modules.append(row)
        elif kind == "=>":
            modules[-1] = modules[-1] if row[0].startswith((".", "/")) else row
    return GoBinary(
        first.partition(": ")[2],
        next((row[0] for kind, *row in rows if kind == "path"), ""),
        next((_module(row) for kind, *row in rows if kind == "mod"), None),
        tuple(_module(row) for row in modules),
        (),
    )


def _module(row: list[str]) -> GoModule:
    return GoModule(*row)


def _read(body: bytes) -> GoBinary | None:
    problems: list[str] = []
    found = READ.extract("", memoryview(body), problems.append)
    assert problems == []
    return None if found is None else GoBinary(found.go, found.path, found.main, found.modules, ())


def _streamed(body: bytes) -> GoBinary | None:
    assert READ.oversize is not None
    sink, problems = READ.oversize(len(body)), list[str]()
    for start in range(0, len(body), 1 << 18):
        sink.write(memoryview(body)[start : start + (1 << 18)])
    found = sink.finish(problems.append)
    assert problems == []
    return None if found is None else GoBinary(found.go, found.path, found.main, found.modules, ())


def _executables(image: Path) -> Iterator[tuple[str, bytes]]:
    """Every ELF file of 1 MiB and more in the layers of an image."""

    def blob(digest: str) -> Path:
        return image / "blobs" / digest.replace(":", "/")

    index = json.loads((image / "index.json").read_bytes())
    for layer in json.loads(blob(index["manifests"][0]["digest"]).read_bytes())["layers"]:
        with _open(blob(layer["digest"]), "rb") as stream, tarfile.open(fileobj=stream, mode="r|") as tar:
            for entry in tar:
                opened = tar.extractfile(entry) if entry.isfile() and entry.size >= 1 << 20 else None
                if opened is not None and (body := opened.read()).startswith(b"\x7fELF"):
                    yield entry.name, body


def test_the_executables_of_an_image_say_what_go_says(tmp_path: Path) -> None:
    made_by_go = 0
    for name, body in _executables(corpus("oci", "go-tools")):
        path = tmp_path / "executable"
        path.write_bytes(body)
        told = _told(path)
        assert _read(body) == told, name
        assert _streamed(body) == told, name
        made_by_go += told is not None
    assert made_by_go == 18


def test_the_tools_of_go_say_what_go_says() -> None:
    assert GO is not None
    root = Path(subprocess.run([GO, "env", "GOROOT"], capture_output=True, text=True, check=True).stdout.strip())
    tools = sorted(path for path in root.glob("pkg/tool/*/*") if path.is_file())[:6]
    for path in [*tools, Path(GO)]:
        assert _read(path.read_bytes()) == _told(path) is not None, path


@pytest.mark.parametrize("target", ["windows/386", "darwin/arm64", "linux/s390x"])
def test_an_executable_for_another_system_says_what_go_says(
    target: str, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    assert GO is not None
    (tmp_path / "go.mod").write_text("module example.com/Tool/v2\ngo 1.18\n")
    (tmp_path / "main.go").write_text("package main\nfunc main() { println(1) }\n")
    system, processor = target.split("/")
    for name, value in {
        "GOOS": system,
        "GOARCH": processor,
        "GOTOOLCHAIN": "local",
        "GOFLAGS": "-buildvcs=false",
    }.items():
        monkeypatch.setenv(name, value)
    subprocess.run([GO, "build", "-o", "tool", "."], cwd=tmp_path, check=True)
    body = (tmp_path / "tool").read_bytes()
    told = _told(tmp_path / "tool")
    assert told is not None
    assert told.main is not None
    assert told.main.path == "example.com/Tool/v2"
    assert _read(body) == told
    assert _streamed(body) == told
