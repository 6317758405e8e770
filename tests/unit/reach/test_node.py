"""Where Node looks for modules: names in manifests, packages in folders above, what applications make names of."""

from __future__ import annotations

import pytest

from tests.support.dynamic import dynamic_elf
from tests.support.reach import walked
from tests.unit.reach.test_walk import BASE, program

MODULES = "/app/node_modules"
NODE = {**BASE, "/usr/bin/node": program()}


def reached(files: dict[str, bytes], command: tuple[str, ...] = ("node", "main.js"), owner: str = "") -> set[str]:
    """Which of these files are reachable for certain; `owner` is the package that brought all of `/app`."""
    owners = {path: owner for path in files if path.startswith("/app/") and owner}
    found = walked({**NODE, **files}, command, folder="/app", why=tuple(files), owners=owners)
    return {path for path, answer in zip(files, found.answers, strict=True) if answer.reach == "reachable"}


def test_names_with_a_hash_mean_what_the_packages_own_manifest_says() -> None:
    """A star is filled with what stands for it; a target may be another package, and a name that fits nothing leads nowhere."""
    manifest = (
        b'{"imports": {"#db/*.js": "./lib/db/*.js", "#log": {"node": "logger", "default": "./log.js"}, "#odd": [1]}}'
    )
    files = {
        "/app/package.json": manifest,
        "/app/main.js": b"import '#db/users.js'; import '#log'; import '#none'; import '#odd'\n",
        "/app/lib/db/users.js": b"",
        "/app/lib/db/orders.js": b"",
        "/app/log.js": b"",
        f"{MODULES}/logger.js": b"",
        f"{MODULES}/logger.mjs": b"",
        f"{MODULES}/users.js": b"",
    }
    assert set(files) - reached(files, owner="shop") == {
        "/app/lib/db/orders.js", f"{MODULES}/logger.mjs", f"{MODULES}/users.js",
    }  # fmt: skip


def test_a_name_with_a_hash_outside_of_a_package_leads_nowhere() -> None:
    """There is no manifest that could say what it means, in folders above nor in the one of all modules."""
    files = {"/srv/main.js": b"require('#db')\n", f"{MODULES}/lone.js": b"require('#db')\n", "/srv/db.js": b""}
    assert reached(files, ("node", "/srv/main.js")) == {"/srv/main.js"}
    files["/app/main.js"] = b"require('lone')\n"
    assert reached(files) == {"/app/main.js", f"{MODULES}/lone.js"}


@pytest.mark.parametrize(
    "manifest", [b"{", b'"text"', b"[" * 100_000, b'{"main": 7}', b'{"main": "."}', b'{"main": "./x/../"}', b"{}"]
)
def test_a_manifest_that_says_nothing_of_use_leaves_the_usual_file(manifest: bytes) -> None:
    """Damaged, of another kind, or pointing at its own folder: Node then takes `index.js`."""
    files = {
        "/app/main.js": b"require('shop')\n",
        f"{MODULES}/shop/package.json": manifest,
        f"{MODULES}/shop/index.js": b"",
        f"{MODULES}/shop/other.js": b"",
    }
    assert set(files) - reached(files) == {f"{MODULES}/shop/other.js"}


def test_code_that_asks_where_packages_lie_gets_the_data_of_those_that_were_loaded_before() -> None:
    """Until then nobody can read it."""
    files = {
        "/app/main.js": b"require('shop'); require('./later')\n",
        "/app/later.js": b"require.resolve('shop')\n",
        f"{MODULES}/shop/package.json": b"{}",
        f"{MODULES}/shop/index.js": b"",
        f"{MODULES}/shop/logo.png": b"x",
    }
    assert reached(files) == set(files)
    files["/app/later.js"] = b""
    assert set(files) - reached(files) == {f"{MODULES}/shop/logo.png"}


PLACES = (f"{MODULES}/shop/index.js", "/app/plugins/one.js")


@pytest.mark.parametrize(
    ("manifest", "owner", "shop", "own"),
    [
        (True, "tool", "may be run: it requires modules whose", "may be loaded: /app/main.js makes names of modules"),
        (False, None, "may be run: it requires modules whose", "lies in the application's own folder"),
        (False, "tool", "", ""),
    ],
)
def test_an_application_that_makes_names_of_modules_may_load_its_own_and_all_packages(
    manifest: bool, owner: str | None, shop: str, own: str
) -> None:
    """Without a manifest nothing says which are its own: then any module may be loaded, unless a package of the distribution brought it,
    whose users tell it the names."""
    files = {
        "/app/main.js": b"require(name); require('./near')\n",
        "/app/near.js": b"require(other)\n",
        "/app/plugins/one.js": b"",
        f"{MODULES}/shop/package.json": b"{}",
        f"{MODULES}/shop/index.js": b"",
        **({"/app/package.json": b"{}"} if manifest else {}),
    }
    owners = {path: owner for path in files if owner}
    found = walked({**NODE, **files}, ("node", "/app/main.js"), folder="/", owners=owners, why=PLACES)
    for answer, expected in zip(found.answers, (shop, own), strict=True):
        assert answer.reach == ("unknown" if expected else "unreachable")
        assert not expected or answer.witness[-1].why.startswith(expected)
    assert [end.reason for end in found.open_ends] == ["it requires modules whose names it makes itself"] * 2


def test_data_of_an_application_that_no_package_brought_is_its_own_and_compiled_code_of_packages_may_be_loaded() -> (
    None
):
    """Node finds compiled code by names that packages of npm make."""
    files = {
        **NODE,
        "/srv/web/main.js": b"require('shop')\n",
        "/srv/web/package.json": b"{}",
        "/srv/web/page.html": b"x",
        "/srv/web/node_modules/shop/package.json": b"{}",
        "/srv/web/node_modules/shop/index.js": b"",
        "/srv/web/node_modules/shop/build/fast.node": dynamic_elf(),
        "/srv/web/node_modules/till/index.js": b"",
    }
    asked = ("/srv/web/page.html", "/srv/web/node_modules/shop/build/fast.node", "/srv/web/node_modules/till/index.js")
    found = walked(files, ("node", "/srv/web/main.js"), why=asked)
    assert [(answer.reach, answer.witness[-1].why if answer.witness else "") for answer in found.answers] == [
        ("reachable", "lies in the application's own folder"),
        ("unknown", "may be loaded: it is compiled code of the package"),
        ("unreachable", ""),
    ]
