"""Go's versions; Go's own packages, if Go is installed, as oracle."""

from __future__ import annotations

import shutil
import subprocess
from functools import cache
from pathlib import Path

import pytest
from hypothesis import given
from hypothesis import strategies as st

from hullmark.versions import golang
from tests.unit.versions.test_semver import ANY_TEXT, BATCHES, STRICT, VERSION, every_fact_holds, key_is_in_order, near


def test_every_known_fact_holds() -> None:
    every_fact_holds(golang.SCHEME, 7)


@given(near(VERSION))
def test_keys_sort_as_versions_do(pair: tuple[str, str]) -> None:
    key_is_in_order(golang.SCHEME, *pair)


@given(ANY_TEXT, ANY_TEXT)
def test_any_text_has_a_key_or_is_refused(a: str, b: str) -> None:
    key_is_in_order(golang.SCHEME, a, b)


MAIN = """
package main

import (
	"bufio"
	"fmt"
	"go/version"
	"os"
	"strings"

	"oracle/semver"
)

func main() {
	lines := bufio.NewScanner(os.Stdin)
	for lines.Scan() {
		pair := strings.Fields(lines.Text())
		compare := semver.Compare
		if strings.HasPrefix(pair[0], "go") {
			compare = version.Compare
		}
		fmt.Println(compare(pair[0], pair[1]))
	}
}
"""


@cache
def semver_of_go() -> Path | None:
    """The file of Go's own module order, if there is one."""
    if shutil.which("go") is None:
        return None
    asked = subprocess.run(["go", "env", "GOROOT"], capture_output=True, text=True, check=False)
    file = Path(asked.stdout.strip(), "src/cmd/vendor/golang.org/x/mod/semver/semver.go")
    return file if asked.returncode == 0 and file.is_file() else None


@pytest.fixture(scope="module")
def oracle(tmp_path_factory: pytest.TempPathFactory) -> Path:
    source = semver_of_go()
    if source is None:
        pytest.skip("Go is not installed, or without its sources")
    folder = tmp_path_factory.mktemp("oracle")
    (folder / "semver").mkdir()
    (folder / "semver" / "semver.go").write_bytes(source.read_bytes())
    (folder / "main.go").write_text(MAIN)
    (folder / "go.mod").write_text("module oracle\n\ngo 1.22\n")
    built = subprocess.run(
        ["go", "build", "-o", "oracle", "."], cwd=folder, capture_output=True, text=True, check=False
    )
    if built.returncode:
        pytest.skip(f"Go cannot build the oracle: {built.stderr[:200]}")
    return folder / "oracle"


def ask(oracle: Path, pairs: list[tuple[str, str]]) -> list[int]:
    lines = "".join(f"{a} {b}\n" for a, b in pairs)
    output = subprocess.run([oracle], input=lines, capture_output=True, text=True, check=True).stdout
    return [int(line) for line in output.split()]


MODULE = st.one_of(
    STRICT,
    st.builds(
        "{}{}{}".format,
        STRICT.map(lambda version: version.partition("+")[0]),
        st.sampled_from(["-0.20180116102854-5a71ef0e047d", ".0.20190116102854-5a71ef0e047d", "-rc1", "-rc10"]),
        st.sampled_from(["", "+incompatible"]),
    ).filter(
        lambda version: version.count("-") != 0 and "-." not in version and not version.split("-")[0].count(".") > 2
    ),
).map("v".__add__)
TOOLCHAIN = st.builds(
    "go1.{}{}".format,
    st.integers(18, 24),
    st.one_of(
        st.integers(0, 12).map(".{}".format),
        st.builds("{}{}".format, st.sampled_from(["alpha", "beta", "rc"]), st.integers(1, 12)),
        st.integers(0, 3).map(".{}-vendor".format),
    ),
)


@BATCHES
@given(pairs=st.lists(st.tuples(MODULE, MODULE), min_size=30, max_size=60))
def test_versions_of_modules_are_ordered_as_go_does(oracle: Path, pairs: list[tuple[str, str]]) -> None:
    assert [golang.compare(a, b) for a, b in pairs] == ask(oracle, pairs)


@BATCHES
@given(pairs=st.lists(st.tuples(TOOLCHAIN, TOOLCHAIN), min_size=30, max_size=60))
def test_versions_of_toolchains_are_ordered_as_go_does(oracle: Path, pairs: list[tuple[str, str]]) -> None:
    assert [golang.compare(a, b) for a, b in pairs] == ask(oracle, pairs)
