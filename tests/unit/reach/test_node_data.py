"""Data of npm's packages: it stays where code can read it."""

from __future__ import annotations

import pytest

from tests.support.reach import walked
from tests.unit.reach.test_walk import BASE, program

ROOT = "/app/node_modules/qs"


@pytest.mark.parametrize(
    ("package", "application", "is_kept"),
    [
        (b"module.exports = x => x\n", b"", False),
        (b"const fs = require('fs')\n", b"", True),
        (b"import { readFile } from 'node:fs/promises'\n", b"", True),
        (b"const fs = require('graceful-fs')\n", b"", True),
        (b"const fse = require('fs-extra')\n", b"", True),
        (b"exports.place = __dirname\n", b"", True),
        (b"export const place = new URL('logo.png', import.meta.url)\n", b"", True),
        (b"exports.of = name => require('./' + name)\n", b"", True),
        (b"", b"serve(__dirname + '/node_modules/qs')\n", True),
        (b"", b"require.resolve('qs/package.json')\n", True),
        (b"require('offset'); require('./lib/profsys')\n", b"", False),
    ],
)
def test_data_of_a_package_stays_where_code_can_read_it(package: bytes, application: bytes, is_kept: bool) -> None:
    files = {**BASE, "/usr/bin/node": program(), "/app/main.js": b"require('qs')\n" + application}
    files |= {f"{ROOT}/package.json": b"{}", f"{ROOT}/index.js": package, f"{ROOT}/logos/logo.png": b"x"}
    assert (f"{ROOT}/logos/logo.png" in walked(files, ("node", "main.js"), folder="/app").kept) is is_kept


def test_who_asks_for_places_first_gets_the_data_of_packages_that_come_later() -> None:
    files = {**BASE, "/usr/bin/node": program(), "/app/main.js": b"require.resolve('qs')\nrequire('./b')\n"}
    files |= {"/app/b.js": b"require('qs')\n", f"{ROOT}/index.js": b"", f"{ROOT}/package.json": b"{}"}
    assert f"{ROOT}/a.txt" in walked({**files, f"{ROOT}/a.txt": b"x"}, ("node", "main.js"), folder="/app").kept
