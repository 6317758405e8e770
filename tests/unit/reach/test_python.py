"""Where Python looks for modules: virtual environments, `.pth` files, distributions, packages that make names; what lies beside them."""

from __future__ import annotations

import pytest

from tests.support.dynamic import dynamic_elf
from tests.support.reach import walked
from tests.unit.reach.test_walk import BASE, program

LIB, DIST = "/usr/lib/python3.13", "/usr/lib/python3/dist-packages"
VENV = "/opt/venv"
SITE = f"{VENV}/lib/python3.13/site-packages"
STANDARD = {
    **BASE,
    "/usr/bin/python3.13": program(),
    f"{LIB}/os.py": b"",
    f"{LIB}/encodings/__init__.py": b"",
    f"{LIB}/encodings/cp037.py": b"",
    f"{LIB}/encodings/README.md": b"",
    f"{LIB}/_sysconfigdata__linux.py": b"",
    f"{LIB}/runpy.py": b"",
    f"{LIB}/unused.py": b"",
}
LINKS = {"/usr/bin/python3": "python3.13", f"{VENV}/bin/python": "/usr/bin/python3.13"}


def why_of(files: dict[str, bytes], command: tuple[str, ...], *paths: str, env: tuple[str, ...] = ()) -> dict[str, str]:
    """Of each of these files why it is reached, with a question mark before what is not certain; "" for one that is not."""
    found = walked({**STANDARD, **files}, command, links=LINKS, folder="/srv", why=paths, env=env)
    return {
        path: "" if not answer.witness else "?" * (answer.reach == "unknown") + answer.witness[-1].why
        for path, answer in zip(paths, found.answers, strict=True)
    }


def test_a_virtual_environment_leads_to_its_interpreters_library_and_to_what_its_path_files_say() -> None:
    """Folders of `.pth` files are relative or absolute, comments are none, and lines that import are run."""
    pth = b"# extra/none\n\nimport hook.start; import second\n/srv/more\nextra\n"
    files = {
        f"{VENV}/pyvenv.cfg": b"include-system-site-packages = false\nhome = /usr/bin\n",
        f"{SITE}/a.pth": pth,
        **{f"{SITE}/{name}.py": b"" for name in ("hook/__init__", "hook/start", "second", "third", "extra/inner")},
        "/srv/more/outer.py": b"",
        "/srv/main.py": b"import inner, outer\n",
    }
    asked = {
        f"{VENV}/pyvenv.cfg": "is read by Python",
        f"{SITE}/a.pth": "is read when Python starts",
        f"{SITE}/hook/start.py": "is imported by a.pth when Python starts",
        f"{SITE}/second.py": "is imported by a.pth when Python starts",
        f"{SITE}/third.py": "",
        f"{SITE}/extra/inner.py": "imports inner",
        "/srv/more/outer.py": "imports outer",
        f"{LIB}/os.py": "is imported when Python starts",
        f"{LIB}/encodings/cp037.py": "is imported for text in the encoding of its name",
        f"{LIB}/encodings/README.md": "",
        f"{LIB}/_sysconfigdata__linux.py": "says how Python was built",
        f"{LIB}/unused.py": "",
    }
    assert why_of(files, (f"{VENV}/bin/python", "main.py"), *asked) == asked


def test_settings_without_a_home_leave_the_folder_of_the_interpreter_itself() -> None:
    """Then the library is found beside the program that the link leads to."""
    files = {f"{VENV}/pyvenv.cfg": b"version = 3.13\n", "/srv/main.py": b"import unused\n"}
    assert why_of(files, (f"{VENV}/bin/python", "main.py"), f"{LIB}/unused.py") == {
        f"{LIB}/unused.py": "imports unused"
    }


@pytest.mark.parametrize(
    ("source", "reached"),
    [
        (b"entry_points(group='shop.plugins')\n", {"plug/one.py": "shop.plugins"}),
        (b"entry_points(group='shop.none')\n", {}),
        (b"entry_points(name)\n", {"plug/one.py": "shop.plugins", "plug/two.py": "others"}),
    ],
)
def test_plugins_that_distributions_announce_may_be_loaded_by_who_asks_for_their_group(
    source: bytes, reached: dict[str, str]
) -> None:
    """Those of one group, or of all where the group is not known; programs are none, and asking twice changes nothing."""
    announced = b"[console_scripts]\nplug = plug.cli:main\n[shop.plugins]\na = plug.one:run\n# b = plug.none\n[others]\nx=plug.two\n"
    files = {
        f"{DIST}/plug-1.dist-info/entry_points.txt": announced,
        **{f"{DIST}/plug/{name}.py": b"" for name in ("__init__", "one", "two", "cli")},
        "/srv/main.py": b"import importlib.metadata\nimport other\n" + source,
        "/srv/other.py": source,
    }
    asked = [f"{DIST}/plug/{name}" for name in ("one.py", "two.py", "cli.py")]
    expected = {f"{DIST}/{path}": f"?may be loaded: it is an entry point of {group}" for path, group in reached.items()}
    assert why_of(files, ("python3", "main.py"), *asked) == {path: expected.get(path, "") for path in asked}


def test_a_distribution_is_asked_what_it_is_by_its_own_modules() -> None:
    """Modules ask for their own version: the descriptions of the package that brought them stay, those of others do not."""
    info = [f"{DIST}/{name}.dist-info/{file}" for name in ("shop-1", "till-1") for file in ("METADATA", "RECORD")]
    files = {
        **STANDARD,
        **dict.fromkeys(info, b"x"),
        **{f"{DIST}/{name}.py": b"" for name in ("shop", "shop_more", "till")},
        "/srv/main.py": b"import shop, shop_more\n",
    }
    owners = {path: "shop" if "/shop" in path else "till" for path in files if path.startswith(DIST)}
    found = walked(files, ("python3", "main.py"), links=LINKS, folder="/srv", owners=owners, why=info)
    assert [(answer.reach, answer.witness[-1].why if answer.witness else "") for answer in found.answers] == [
        ("reachable", "says what the distribution is"), *[("unreachable", "")] * 3,
    ]  # fmt: skip


def test_all_of_a_package_may_be_imported_and_what_was_compiled_of_modules_stays_with_them() -> None:
    """`import *` may mean any module of a package, but of a module that is no package only that one; compiled modules lie beside the
    sources, or beside the links to them."""
    names = ("all/__init__", "all/one", "all/two", "single")
    files = {
        **{f"{DIST}/{name}.py": b"" for name in names},
        f"{DIST}/all/data.txt": b"",
        f"{DIST}/__pycache__/single.cpython-313.pyc": b"",
        f"{DIST}/__pycache__/singles.cpython-313.pyc": b"",
        f"{DIST}/__pycache__/linked.cpython-313.pyc": b"",
        f"{DIST}/__pycache__/single.txt": b"",
        "/usr/share/linked/linked.py": b"",
        "/srv/main.py": b"from all import *\nfrom single import *\nfrom . import near\nimport linked\n",
        "/srv/near.py": b"",
    }
    links = {**LINKS, f"{DIST}/linked.py": "/usr/share/linked/linked.py"}
    found = walked(
        {**STANDARD, **files}, ("python3", "main.py"), links=links, folder="/srv", why=(f"{DIST}/all/one.py",)
    )
    assert {path for path in found.kept if path in files or path in links} == {
        *files, f"{DIST}/linked.py", "/usr/bin/python3",
    } - {f"{DIST}/__pycache__/singles.cpython-313.pyc", f"{DIST}/__pycache__/single.txt"}  # fmt: skip
    assert found.answers[0].reach == "unknown"
    assert found.answers[0].witness[-1].why == "may be imported: all of all is"


@pytest.mark.parametrize("source", [b"import_module(name)\n", b"importlib.import_module('.one', __name__)\n"])
def test_a_package_that_makes_names_of_modules_may_import_any_of_its_own(source: bytes) -> None:
    """Others stay unreachable: it is not the application that makes the names."""
    files = {
        **{f"{DIST}/{name}.py": b"" for name in ("shop/one", "shop/deep/two", "till")},
        f"{DIST}/shop/__init__.py": b"import importlib\n" + source,
        f"{DIST}/shop/three.so": dynamic_elf(),
        "/srv/main.py": b"import shop\n",
    }
    why = f"may be imported: {DIST}/shop/__init__.py makes names of modules"
    asked = {f"{DIST}/shop/deep/two.py": f"?{why}", f"{DIST}/shop/three.so": f"?{why}", f"{DIST}/till.py": ""}
    assert why_of(files, ("python3", "main.py"), *asked) == asked


def test_the_standard_library_makes_names_of_modules_for_others_alone() -> None:
    """What it imports by a name comes from who calls it; it has no modules of its own in mind."""
    files = {f"{LIB}/named.py": b"import importlib\nimportlib.import_module(name)\n", "/srv/main.py": b"import named\n"}
    assert why_of(files, ("python3", "main.py"), f"{LIB}/unused.py") == {f"{LIB}/unused.py": ""}


def test_a_folder_is_run_by_what_it_says_and_modules_are_looked_for_where_the_environment_says() -> None:
    """`python FOLDER` runs `__main__.py` in it; PYTHONPATH names further folders."""
    files = {
        "/srv/tool/__main__.py": b"import near, far\nentry_points(group='x')\n",
        "/srv/tool/near.py": b"",
        "/far/far.py": b"",
        "/srv/start": b"#!/bin/sh\n/usr/bin/python3 tool\n/usr/bin/python3 tool again\n",
    }
    asked = {
        "/srv/tool/__main__.py": "is run by Python",
        "/srv/tool/near.py": "imports near",
        "/far/far.py": "imports far",
    }
    assert why_of(files, ("/srv/start",), *asked, env=("PYTHONPATH=:/far",)) == asked


def test_a_module_that_a_server_is_told_of_is_the_application() -> None:
    """`python -m uvicorn shop.web:app` imports the application; other words name nothing."""
    files = {
        f"{DIST}/uvicorn/__init__.py": b"",
        f"{DIST}/uvicorn/__main__.py": b"",
        f"{DIST}/shop/__init__.py": b"",
        f"{DIST}/shop/web.py": b"",
        f"{DIST}/shop/unused.py": b"",
    }
    asked = {
        f"{DIST}/uvicorn/__main__.py": "is run by python -m uvicorn",
        f"{DIST}/shop/web.py": "is named in the command as shop.web:app",
        f"{DIST}/shop/unused.py": "",
    }
    assert why_of(files, ("python3", "-m", "uvicorn", "--reload", "none:app", "shop.web:app"), *asked) == asked


def test_what_may_run_any_file_runs_those_that_are_reached_later_too() -> None:
    """Two modules that run files change no more than one."""
    files = {
        "/srv/main.py": b"import first\nimport runpy\n",
        "/srv/first.py": b"import runpy\nimport second\n",
        "/srv/second.py": b"if __name__ == '__main__':\n    import third\n",
        f"{DIST}/third.py": b"",
    }
    assert why_of(files, ("python3", "main.py"), f"{DIST}/third.py") == {f"{DIST}/third.py": "imports third"}
