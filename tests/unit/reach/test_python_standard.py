"""What Python's standard library imports only for people, for its own tests, or on other systems; what a file imports only when run."""

from __future__ import annotations

import pytest

from hullmark.reach.code import facts_of
from tests.support.reach import walked
from tests.unit.reach.test_walk import BASE, program

LIB, SITE = "/usr/lib/python3.13", "/usr/lib/python3/dist-packages"
STANDARD = {
    **BASE,
    "/usr/bin/python3": program(),
    f"{LIB}/os.py": b"",
    f"{LIB}/site.py": b"def hook():\n    import readline, rlcompleter\n    import _pyrepl.main\n",
    f"{LIB}/_sitebuiltins.py": b"class H:\n    def __call__(self):\n        import pydoc\n",
    f"{LIB}/pydoc.py": b"import webbrowser\n",
    f"{LIB}/rlcompleter.py": b"",
    f"{LIB}/webbrowser.py": b"",
    f"{LIB}/pickle.py": b"def _test():\n    import doctest\n",
    f"{LIB}/doctest.py": b"import pdb\n",
    f"{LIB}/pdb.py": b"",
    f"{LIB}/platform.py": b"def ios():\n    import _ios_support\n",
    f"{LIB}/_ios_support.py": b"import ctypes.util\n",
    f"{LIB}/ctypes/util.py": b"",
    f"{LIB}/runpy.py": b"",
}


def kept_of(source: bytes, command: tuple[str, ...] = ("python3", "/app/a.py"), /, **more: bytes) -> set[str]:
    """The names of the modules that stay when this application is started."""
    files = {**STANDARD, "/app/a.py": source, **{f"{SITE}/{name}.py": body for name, body in more.items()}}
    return {path.rpartition("/")[2].removesuffix(".py") for path in walked(files, command).kept if path.endswith(".py")}


def test_what_only_somebody_who_types_commands_asks_for_is_left_out() -> None:
    assert not {"pydoc", "rlcompleter", "webbrowser"} & kept_of(b"import json\n")


@pytest.mark.parametrize(
    "command", [("python3", "-i", "/app/a.py"), ("python3", "-ui", "/app/a.py"), ("python3",), ("python3", "-")]
)
def test_somebody_who_types_commands_gets_it(command: tuple[str, ...]) -> None:
    assert {"pydoc", "rlcompleter", "webbrowser"} <= kept_of(b"", command)


def test_a_variable_asks_for_commands_as_well() -> None:
    found = walked({**STANDARD, "/app/a.py": b""}, ("python3", "/app/a.py"), env=("PYTHONINSPECT=1",))
    assert f"{LIB}/pydoc.py" in found.kept


@pytest.mark.parametrize(
    ("source", "is_kept"),
    [
        (b"help(str)\n", True),
        (b"x = 1; print(help(str))\n", True),
        (b"parser.print_help()\nself.help(x)\ndef help(a): pass\n", False),
        (b"# help(str)\n", False),
        (b'"""Say help(str)."""\ndef f():\n    """Or help(int)."""\n', False),
        (b'def f():\n    """Text."""\n    help(str)\n', True),
        (b"import pydoc\n", True),
    ],
)
def test_who_calls_for_help_gets_it(source: bytes, is_kept: bool) -> None:
    assert ("webbrowser" in kept_of(source)) is is_kept


def test_the_standard_librarys_own_tests_are_left_out_unless_somebody_else_asks() -> None:
    assert not {"doctest", "pdb"} & kept_of(b"import pickle\n")
    assert {"doctest", "pdb"} <= kept_of(b"import doctest\n")
    assert {"doctest", "pdb"} <= kept_of(b"", ("python3", "-m", "pickle"))


def test_modules_for_other_systems_are_left_out_unless_somebody_else_asks() -> None:
    assert not {"_ios_support", "util"} & kept_of(b"import platform\n")
    assert {"_ios_support", "util"} <= kept_of(b"import platform, _ios_support\n")


RUN_ALONE = b"import first\nif __name__ == '__main__':\n    import second\n    from third import x\nimport fourth\n"
OTHERS = dict.fromkeys(("first", "second", "third", "fourth"), b"")


def test_what_a_file_imports_when_it_is_run_counts_where_it_is_run() -> None:
    assert {"first", "second", "third", "fourth"} <= kept_of(RUN_ALONE, **OTHERS)
    imported = kept_of(b"import tool\n", tool=RUN_ALONE, **OTHERS)
    assert {"tool", "first", "fourth"} <= imported
    assert not {"second", "third"} & imported
    assert "second" in kept_of(b"", ("python3", "-m", "tool"), tool=RUN_ALONE, **OTHERS)
    assert "second" in kept_of(b"import tool\nimport runpy\n", tool=RUN_ALONE, **OTHERS)


@pytest.mark.parametrize(
    "source",
    [
        b"def f():\n    text = '''\nif __name__ == '__main__':\n    run()\n    '''\n    import second\n",
        b"  if __name__ == '__main__':\n    import second\n",
        b"if __name__ == '__main__' or x:\n    import second\n",
        b"if __name__ == '__main__':\n    x = 1\nelse:\n    import second\n",
        b"if __name__ == '__main__':\n    x = 1\nimport second\n",
    ],
)
def test_what_may_be_imported_in_another_way_counts(source: bytes) -> None:
    assert "second" in kept_of(b"import tool\n", tool=source, second=b"")


@pytest.mark.parametrize(
    ("source", "programs"),
    [
        (b'"""Use subprocess.run(["ls"])."""\nimport subprocess\n', ()),
        (b'import subprocess\ndef f():\n    """Like run(["ls"])."""\n    run(["df"])\n', ("df",)),
        (b'import subprocess\nx = ["""\n"""]\nrun(["ls"])\n', ("ls",)),
        (b'import subprocess\nrun("""ls -l""")\n', ()),
        (b'import subprocess\nSCRIPT = """\nimport subprocess\nsubprocess.run("ls")\n"""\n', ("ls",)),
        (b'import subprocess\ndef f():\n    """open\n    run(["ls"])\n', ("ls",)),
    ],
)
def test_programs_that_documentation_names_are_not_started(source: bytes, programs: tuple[str, ...]) -> None:
    found = facts_of("a.py", source)
    assert found is not None
    assert found.programs == programs


def test_sources_of_translations_are_no_data() -> None:
    files = {**STANDARD, "/app/a.py": b"import shop\n", f"{SITE}/shop/__init__.py": b""}
    files |= {f"{SITE}/shop/locale/de.{ending}": b"x" for ending in ("po", "mo")}
    kept = walked(files, ("python3", "/app/a.py"), owners={path: "shop" for path in files if SITE in path}).kept
    assert f"{SITE}/shop/locale/de.mo" in kept
    assert f"{SITE}/shop/locale/de.po" not in kept
