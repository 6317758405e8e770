"""Go's expressions as Python reads them, against Go itself. HULLMARK_GOLDEN=write writes its answers anew."""

from __future__ import annotations

import json
import os
import re
import subprocess
from pathlib import Path

import pytest

from hullmark.facets.secrets.go_expressions import python_expression
from tests.support.go_programs import GO, build_with_go

_PROGRAM = """\
package main

import (
	"encoding/json"
	"os"
	"regexp"
)

func main() {
	var asked []struct{ Expression, Text string }
	if err := json.NewDecoder(os.Stdin).Decode(&asked); err != nil {
		panic(err)
	}
	answers := [][][]int{}
	for _, each := range asked {
		found := regexp.MustCompile(each.Expression).FindAllStringIndex(each.Text, -1)
		if found == nil {
			found = [][]int{}
		}
		answers = append(answers, found)
	}
	json.NewEncoder(os.Stdout).Encode(answers)
}
"""
_EXPRESSIONS = (
    r"a(?i)b|c",
    r"(?i)(?P<key>(secret))(=|:).{0,5}['\"](?P<secret>[0-9a-zA-Z\-_=]{8,64})['\"]",
    r"^secret",
    r"(?m)^secret",
    r"x$",
    r"(?m)x$",
    r"(?m:b$)|x$",
    r"\Qa.b\E+",
    r"[[:alpha:]_]+[[:digit:]]",
    r"[]a]+",
    r"[\x{41}-\x{43}]+",
    r"(?s)a.b",
    r"a.b",
    r"(?-s:a.b)",
    r"\Asecret\b",
    r"[[:space:][:punct:]]{2,}",
    r"a{2,3}?",
    r"(a|ab)(c|bcd)?",
    r"x??[&&~]",
    r"219-09-9999|\/\-",
)
_TEXTS = (
    "secret='abcdefgh12'\nsecret: \"ABCDEFGH\"x\n",
    "aB aC C c ab a.b a.bb a\nb\nx\n",
    "AABBCC abc9 _9 ]]aa] aaaa /- 219-09-9999",
    "b\nx",
    "abcd ab\tac !! ,,\n\n x& ~",
    "",
)


_ASKED = [{"Expression": expression, "Text": text} for expression in _EXPRESSIONS for text in _TEXTS]
_ANSWERS = Path(__file__).with_name("go_expressions.json")
"""What Go answers, in the order of what is asked: asking it means to compile its library first, which takes longer than all else here."""


def test_expressions_fit_where_go_says() -> None:
    for each, theirs in zip(_ASKED, json.loads(_ANSWERS.read_bytes()), strict=True):
        pattern = re.compile(python_expression(each["Expression"], "secret").encode())
        assert [list(fits.span()) for fits in pattern.finditer(each["Text"].encode())] == theirs, each


@pytest.mark.slow
@pytest.mark.skipif(GO is None, reason="Go is not installed")
def test_go_says_so(tmp_path: Path) -> None:
    (tmp_path / "go.mod").write_text("module expressions\ngo 1.21\n", "utf-8")
    (tmp_path / "main.go").write_text(_PROGRAM, "utf-8")
    program = build_with_go(tmp_path)
    ran = subprocess.run([program], input=json.dumps(_ASKED).encode(), capture_output=True, check=True)
    if os.environ.get("HULLMARK_GOLDEN") == "write":
        _ANSWERS.write_bytes(ran.stdout)
    assert json.loads(ran.stdout) == json.loads(_ANSWERS.read_bytes())
