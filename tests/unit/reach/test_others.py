"""What settings, archives, shells and people name that is odd: each is followed, or it is said that it is not."""

from __future__ import annotations

import json
from typing import Any

import pytest

from hullmark.model.errors import HullmarkError
from hullmark.model.setting import Setting
from hullmark.reach.code import facts_of
from hullmark.reach.java_class import DamagedClass, class_names
from hullmark.reach.observed import ObservedPaths, observed_paths
from hullmark.reach.residue import apk_installed
from hullmark.reach.shell import script_commands
from tests.support.dynamic import dynamic_elf
from tests.support.java_classes import FOR_NAME, class_file
from tests.support.reach import reach_of, walked
from tests.unit.reach.test_attack import paths
from tests.unit.reach.test_walk import BASE, program

PG = "/usr/lib/postgresql/lib"


def test_libraries_that_a_setting_lists_are_loaded_by_their_names() -> None:
    """With or without their ending; one that is not in the image is told."""
    files = {
        **BASE,
        "/usr/bin/postgres": program(),
        f"{PG}/auto_explain.so": dynamic_elf(),
        f"{PG}/pg_stat.so": dynamic_elf(),
        f"{PG}/other.so": dynamic_elf(),
    }
    told = Setting(
        key="postgresql.shared_preload_libraries", value="auto_explain, pg_stat, gone", path="/etc/postgresql.conf"
    )
    found = walked(files, ("postgres",), settings=(told,))
    assert {path for path in found.kept if path.startswith(PG)} == {f"{PG}/auto_explain.so", f"{PG}/pg_stat.so"}
    assert [end.reason for end in found.open_ends] == [
        "the module gone.so that the setting postgresql.shared_preload_libraries loads is not in the image"
    ]


def test_an_archive_that_java_is_told_to_run_and_is_not_there_leaves_nothing_unreachable() -> None:
    """The class path may be given by a long option; what is not on it is not run."""
    files = {**BASE, "/usr/bin/java": program(), "/srv/a/one.jar": b"x", "/srv/b/two.jar": b"x"}
    found = walked(files, ("java", "-jar", "gone.jar"), folder="/srv")
    assert "there is no archive /srv/gone.jar" in [end.reason for end in found.open_ends]
    assert "unreachable" not in reach_of(found).values()
    kept = walked(files, ("java", "--class-path=/srv/a/one.jar", "shop.Main")).kept
    assert ("/srv/a/one.jar" in kept, "/srv/b/two.jar" in kept) == (True, False)


SWITCH = b"\x03\xaa\0\0" + bytes.fromhex("00000016 00000000 00000000 00000016")
MAIN = class_file("a/Main", names=("org/a/One",), calls=((FOR_NAME, "a.B"),), before=SWITCH)


def test_each_damage_of_a_class_file_has_its_name() -> None:
    """Each byte is changed in turn, and the file cut at each: what it names is all known, or not at all."""
    found = set()
    changed = [MAIN[:at] + value + MAIN[at + 1 :] for at in range(8, len(MAIN)) for value in (b"\xff", b"\0")]
    for body in (*changed, *(MAIN[:at] for at in range(len(MAIN)))):
        try:
            class_names(body)
        except DamagedClass as damage:
            found.add(str(damage))
    assert found == {
        "it is not a class file",
        "its constants end too early",
        "it has a constant of a kind that is not known",
        "a method has no name",
        "it ends with its constants",
        "it ends too early",
        "its code does not end where it should",
        "a switch of it is longer than its code",
    }


IMPORTS = "it imports modules whose names it makes itself"
REQUIRES = "it requires modules whose names it makes itself"
FILES = "it requires files whose names it makes itself"
INCLUDES = "it includes files whose names it makes itself"


@pytest.mark.parametrize(
    ("path", "source", "imports", "untold"),
    [
        ("a.mjs", b"const m = await import(name)\nimport('./b.js')\n", ("./b.js",), (IMPORTS,)),
        ("a.js", b"require(); text = 'taken from a list'\n", (), ()),
        ("a.js", b"require('a' + b); require('c')\n", ("c",), (REQUIRES,)),
        ("a.rb", b"require 'set'\nload path\nautoload :X, y\n", ("set",), (FILES,)),
        ("a.php", b"<?php include 'a.php'; require __DIR__ . '/b.php'; include $c;\n", ("a.php", "./b.php"), (INCLUDES,)),
        ("a.py", b"import importlib\nimportlib.import_module('.b', __package__)\nimport 1x, c\n", ("importlib", "c", ".b:"), (IMPORTS,)),
    ],
)  # fmt: skip
def test_what_code_names_and_what_it_computes(
    path: str, source: bytes, imports: tuple[str, ...], untold: tuple[str, ...]
) -> None:
    """A file that computes a name says so; words that only look like statements name nothing."""
    found = facts_of(path, source)
    assert found is not None
    assert (set(found.imports), found.untold) == (set(imports), untold)


PUT_TOGETHER = "it runs a command that it puts together (eval)"


@pytest.mark.parametrize(
    ("text", "commands", "untold"),
    [
        ("exec -a name tool x", {("tool", "x")}, ()),
        ("exec -c tool", {("tool",)}, ()),
        ("A=x; eval tool ${A:-${B}}", {("tool", "x"), ("tool", None)}, ()),
        ("eval tool $1 ${!}", {("tool", None)}, (PUT_TOGETHER,)),
    ],
)
def test_commands_that_the_shell_puts_together(
    text: str, commands: set[tuple[str | None, ...]], untold: tuple[str, ...]
) -> None:
    """Options of `exec` are no programs; what is known of a command counts even where the rest is not."""
    found = script_commands(text, (), {}, "/entry")
    assert (set(found.commands), found.untold) == (commands, untold)


def test_a_record_of_what_was_opened_is_bounded_and_what_is_no_path_is_counted(monkeypatch: pytest.MonkeyPatch) -> None:
    """A trace of a long run names very many files; names that are not texts, and folders, are no files of the image."""
    monkeypatch.setattr("hullmark.reach.observed._MAX_PATHS", 3)
    with pytest.raises(HullmarkError, match="the record names more than 3 files"):
        observed_paths("".join(f'open("/srv/{number}", O_RDONLY) = 3\n' for number in range(4)).encode())
    profile: dict[str, Any] = {
        "kind": "ApplicationProfile",
        "spec": {"containers": [{"opens": [{"path": 7}, {"path": "/bin"}, {"path": "/bin/sh"}, {"path": "/gone"}]}]},
    }
    seen = observed_paths(json.dumps(profile).encode())
    assert seen.paths == ("/bin", "/bin/sh", "/gone")
    found = walked(BASE, ("tool",), observed=ObservedPaths(seen.paths))
    assert found.observed is not None
    assert (found.observed.opened, found.observed.elsewhere) == (1, 1)


def test_a_folder_that_the_user_may_not_enter_hides_what_is_in_it() -> None:
    """Files there cannot be written by it, whatever their own modes say; lines of passwd that are cut short name nobody."""
    assert paths({"/srv/web": {"uid": 33, "mode": 0o755}, "/srv": {"mode": 0o700, "uid": 0}}) == ()
    assert [path.kind for path in paths({"/srv/web": {"uid": 33}, "/srv": {"mode": 0o755}})] == ["start-up"]


def test_a_program_of_path_and_a_root_that_cannot_be_split_are_taken_as_they_are() -> None:
    """A quote without an end is part of the name."""
    found = walked(BASE, ("tool",), why=("mount",), roots=("/bin/mount 'x",))
    assert [(answer.subject, answer.reach) for answer in found.answers] == [("/bin/mount", "unknown")]
    assert any("/bin/mount 'x" in end.reason for end in found.open_ends)


def test_apks_database_keeps_the_records_of_the_packages_that_stay() -> None:
    """Each ends with an empty line, the last one too."""
    text = b"P:a\nV:1\n\nP:b\nV:2\n\nP:c\nV:3\n\n"
    assert apk_installed(text, frozenset("ac")) == b"P:a\nV:1\n\nP:c\nV:3\n\n"


def test_apache_passes_over_lines_that_load_and_include_nothing() -> None:
    """Directives without words are errors of the configuration, which the server tells itself."""
    files = {
        **BASE,
        "/usr/sbin/apache2": program(),
        "/etc/apache2/apache2.conf": b"Include\nLoadModule\nListen 80\nLoadFile\n",
    }
    setting = Setting(key="apache.User", value="www", path="/etc/apache2/apache2.conf")
    found = walked(files, ("apache2",), settings=(setting,))
    assert (found.open_ends, reach_of(found)["/bin/mount"]) == ((), "unreachable")


def test_code_that_starts_a_shell_says_that_what_it_is_told_is_not_read() -> None:
    """The shell itself is reached."""
    files = {**BASE, "/usr/bin/python3": program(), "/usr/lib/python3.13/os.py": b""}
    files["/app/a.py"] = b"import subprocess\nsubprocess.run(['sh', '-c', x])\nPATHS = ['/usr/bin/tool', '/etc/run']\n"
    found = walked({**files, "/etc/run": b"#!/bin/sh\n"}, ("python3", "/app/a.py"))
    assert "it starts sh, and what that is told is not read" in [end.reason for end in found.open_ends]
    assert reach_of(found)["/bin/sh"] == "reachable"
