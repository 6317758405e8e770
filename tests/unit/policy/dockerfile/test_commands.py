"""Commands of RUN, and what package managers leave behind."""

from __future__ import annotations

import pytest

from hullmark.model.dockerfile import Instruction
from hullmark.policy.dockerfile import parse_dockerfile
from hullmark.policy.dockerfile.commands import commands_of
from hullmark.policy.dockerfile.packages import MANAGERS, ManagerName, leaves_cache, updates_alone


def run(text: str) -> Instruction:
    """The instruction RUN of this text."""
    return parse_dockerfile(f"FROM a\nRUN {text}".encode()).final[1]


@pytest.mark.parametrize(
    ("text", "names"),
    [
        ("a && b || c; d | e & f", ["a", "b", "c", "d", "e", "f"]),
        ("A=1 B=2 /usr/bin/make x", ["make"]),
        ("sudo -E -n apt-get install x", ["sudo", "apt-get"]),
        ("env A=1 make", ["env", "make"]),
        ("if a; then b; else c; fi", ["a", "b", "c"]),
        ("(cd x && make) > log 2>&1", ["cd", "make"]),
        ("echo 'sudo; x' \"a && b\"", ["echo"]),
        ("echo sudo", ["echo"]),
        ('["/usr/bin/make", "all"]', ["make"]),
        ("[]", []),
        ('["/bin/sh", "-c", "a && sudo b"]', ["a", "sudo", "b"]),
        ("<<E\na\nb c\nE", ["a", "b"]),
        ("cat <<E\nsudo\nE", ["cat"]),
        ("<<E python3\nsudo\nE", ["python3"]),
        ("a && echo 'open", ["a", "echo"]),
        ("for x in a b; do c $x; done", ["for", "c"]),
    ],
)
def test_commands_are_found(text: str, names: list[str]) -> None:
    assert [command[0] for command in commands_of(run(text))] == names


@pytest.mark.parametrize(
    ("manager", "text"),
    [
        ("apt", "apt-get -q update && apt-get install -y x"),
        ("apt", "apt update"),
        ("apk", "apk add x"),
        ("dnf", "dnf -y install x"),
        ("dnf", "microdnf install x && rm -rf /var/tmp"),
        ("pip", "pip3 install x"),
        ("pip", "python3 -m pip install x"),
        ("zypper", "zypper -n in x"),
    ],
)
def test_caches_that_are_left_are_found(manager: ManagerName, text: str) -> None:
    assert [name for name in MANAGERS if leaves_cache(run(text), name, frozenset())] == [manager]


@pytest.mark.parametrize(
    "text",
    [
        "apt-get update && apt-get install -y x && rm -rf /var/lib/apt/lists/*",
        "apt-get update && rm -r /var/lib/apt/lists",
        "--mount=type=cache,target=/var/lib/apt apt-get update && apt-get install x",
        "apt-get install x",
        "apk add --no-cache x",
        "apk --no-cache add x",
        "apk add x && rm -rf /var/cache/apk/*",
        "--mount=type=cache,target=/root/.cache pip install x",
        "pip install --no-cache-dir x",
        "dnf install -y x && dnf clean all",
        "zypper -n in x && zypper clean",
        "echo apt-get update",
    ],
)
def test_caches_that_are_kept_out_are_told(text: str) -> None:
    assert not any(leaves_cache(run(text), name, frozenset()) for name in MANAGERS)


def test_a_variable_keeps_pips_cache_out() -> None:
    assert leaves_cache(run("pip install x"), "pip", frozenset(("PIP_NO_CACHE_DIR",))) == ""


def test_updates_alone_are_found() -> None:
    assert updates_alone(run("apt-get -q update"), "apt") == "apt-get -q update"
    assert updates_alone(run("apt-get update && apt-get -y install x"), "apt") == ""
    assert updates_alone(run("dnf update -y"), "dnf") == ""
    assert updates_alone(run("apk update"), "apk") == "apk update"
