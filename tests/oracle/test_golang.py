"""Go's own `go version -m`, `debug/gosym` and `go tool nm` are the oracles, on the executables of a real image, of Go itself, and of
other systems.
"""

from __future__ import annotations

import json
import re
import subprocess
import tarfile
import zlib
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import IO

import pytest
from isal import igzip

from hullmark.catalog.programs.golang import READ, GoBinary, GoModule
from hullmark.catalog.programs.golang_symbols import READ as SYMBOLS
from hullmark.catalog.programs.golang_symbols import GoFunctions
from tests.support.go_programs import GO, build_with_go
from tests.support.places import corpus

_open: Callable[..., IO[bytes]] = igzip.open
pytestmark = [pytest.mark.skipif(GO is None, reason="go is not installed"), pytest.mark.slow]


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
def test_an_executable_for_another_system_says_what_go_says(target: str, tmp_path: Path) -> None:
    (tmp_path / "go.mod").write_text("module example.com/Tool/v2\ngo 1.18\n")
    (tmp_path / "main.go").write_text("package main\nfunc main() { println(1) }\n")
    system, processor = target.split("/")
    body = build_with_go(tmp_path, "tool", GOOS=system, GOARCH=processor, CGO_ENABLED="0").read_bytes()
    told = _told(tmp_path / "tool")
    assert told is not None
    assert told.main is not None
    assert told.main.path == "example.com/Tool/v2"
    assert _read(body) == told
    assert _streamed(body) == told


# --- functions

GOSYM = """package main

import (
	"debug/elf"
	"debug/gosym"
	"fmt"
	"os"
)

func main() {
	file, err := elf.Open(os.Args[1])
	if err != nil {
		os.Exit(3)
	}
	for _, section := range file.Sections {
		if section.Name != ".gopclntab" && section.Name != ".data.rel.ro.gopclntab" {
			continue
		}
		data, _ := section.Data()
		table, err := gosym.NewTable(nil, gosym.NewLineTable(data, 0))
		if err != nil {
			os.Exit(4)
		}
		for _, function := range table.Funcs {
			fmt.Printf("%s\\t%s\\t%s\\n", function.PackageName(), function.ReceiverName(), function.BaseName())
		}
	}
}
"""
_MADE = re.compile(r"(?:^|\.)(?:func|gowrap|deferwrap)\d|[][ {:]")


def _functions(body: bytes) -> dict[str, set[str]]:
    problems: list[str] = []
    found = SYMBOLS.extract("", memoryview(body), problems.append)
    assert problems == []
    assert isinstance(found, GoFunctions)
    assert SYMBOLS.oversize is not None
    sink = SYMBOLS.oversize(len(body))
    sink.write(memoryview(body))
    assert sink.finish(problems.append) == found
    lines = zlib.decompress(found.lines).decode().splitlines()
    return {path: set(names.split(" ")) for path, _, names in (line.partition(": ") for line in lines)}


@pytest.fixture(scope="module")
def gosym(tmp_path_factory: pytest.TempPathFactory) -> Path:
    folder = tmp_path_factory.mktemp("gosym")
    (folder / "go.mod").write_text("module gosym\ngo 1.21\n")
    (folder / "main.go").write_text(GOSYM)
    return build_with_go(folder, "gosym")


def test_the_functions_of_an_image_s_programs_are_those_that_go_s_own_reader_names(tmp_path: Path, gosym: Path) -> None:
    checked = 0
    for name, body in _executables(corpus("oci", "go-tools")):
        path = tmp_path / "executable"
        path.write_bytes(body)
        done = subprocess.run([gosym, path], capture_output=True, text=True, check=False)
        if done.returncode or not done.stdout:
            continue
        found = _functions(body)
        missing = []
        for line in done.stdout.splitlines():
            package, receiver, base = line.split("\t")
            if ")." in receiver or "(" in package:  # stands for a method of another package's type that is embedded
                continue
            symbol = f"{receiver.removeprefix('(*').removesuffix(')')}.{base}" if receiver else base
            package = re.sub("%([0-9a-f]{2})", lambda escaped: chr(int(escaped[1], 16)), package)
            if package and not package.startswith("go:") and not _MADE.search(f"{package}.{symbol}"):
                checked += 1
                missing += [line] if re.sub(r"^init\.(\d+)$", _following, symbol) not in found.get(package, ()) else []
        assert missing == [], name
    assert checked > 300_000


def _following(found: re.Match[str]) -> str:
    return f"init#{int(found[1]) + 1}"


LIBRARY = """package lib

type T struct{ n int }

func (t *T) Pointer() int { return t.n + 1 }
func (t T) Value() int { return t.n + 2 }
func Inlined(a int) int { return a*3 + 1 }
func Option(n int) func(*T) { return func(t *T) { t.n += n * 7 } }
func Sort[X any](x X) []X { return append([]X{x}, x) }
func Unused() int { println("unused"); return 5 }

//go:noinline
func Plain(a int) int { return a * 9 }
func init() { println("one") }
func init() { println("two") }
"""
PROGRAM = """package main

import "example.com/Tool/v2/lib.v1"

var n = 1

func main() {
	t := &lib.T{}
	lib.Option(n)(t)
	println(t.Pointer(), t.Value(), lib.Inlined(n), len(lib.Sort(n)), lib.Plain(n))
}
"""
TARGETS = [
    "linux/amd64",
    "linux/386",
    "linux/arm",
    "linux/s390x",
    "linux/mips",
    "windows/amd64",
    "windows/386",
    "darwin/arm64",
]


@pytest.mark.parametrize("target", TARGETS)
def test_a_stripped_program_names_what_is_inlined_and_not_what_is_unused(target: str, tmp_path: Path) -> None:
    (tmp_path / "go.mod").write_text("module example.com/Tool/v2\ngo 1.21\n")
    (tmp_path / "lib.v1").mkdir()
    (tmp_path / "lib.v1" / "lib.go").write_text(LIBRARY)
    (tmp_path / "main.go").write_text(PROGRAM)
    system, processor = target.split("/")
    flags = "-buildvcs=false -ldflags=-s"
    path = build_with_go(tmp_path, "tool", GOOS=system, GOARCH=processor, CGO_ENABLED="0", GOFLAGS=flags)
    found = _functions(path.read_bytes())
    assert found["main"] >= {"main"}
    assert found["example.com/Tool/v2/lib.v1"] == {
        "Inlined", "Plain", "Sort", "T.Pointer", "T.Value", "init#1", "init#2",
    }  # fmt: skip
    # Nothing is left of it but the code of its closure, which tells the name.
    assert "Option" in found["*"]


def test_a_program_has_the_functions_that_nm_lists(gosym: Path) -> None:
    assert GO is not None
    listed = subprocess.run([GO, "tool", "nm", gosym], capture_output=True, text=True, check=True).stdout
    names = [line.split(maxsplit=2)[2] for line in listed.splitlines() if re.match(r" *[0-9a-f]+ [Tt] ", line)]
    found = _functions(gosym.read_bytes())
    plain = [name for name in names if name.startswith(("os.", "fmt.", "reflect.")) and not _MADE.search(name)]
    assert len(plain) > 100
    for name in plain:
        package, _, symbol = name.replace("(*", "").replace(")", "").removesuffix(".abi0").partition(".")
        assert re.sub(r"^init\.(\d+)$", _following, symbol) in found[package], name
