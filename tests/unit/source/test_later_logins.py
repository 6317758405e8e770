"""Logins of clouds that are made when a registry asks for one."""

from __future__ import annotations

import subprocess
import sys

from hullmark.source.clouds import LaterLogins, LoginFinder
from hullmark.source.credentials import NOBODY, Credentials


class _Finder:
    def find(self, host: str) -> Credentials:
        return Credentials("somebody", "secret") if host == "here" else NOBODY


def test_a_finder_is_made_once_when_the_first_login_is_asked_for() -> None:
    made: list[_Finder] = []

    def make() -> LoginFinder:
        made.append(_Finder())
        return made[-1]

    later = LaterLogins(make)
    assert made == []
    assert (later.find("here").user, later.find("there")) == ("somebody", NOBODY)
    assert len(made) == 1


def test_options_for_images_on_disk_import_no_client_of_registries() -> None:
    code = (
        "import sys; from hullmark.source.options import source_options; source_options({});"
        "print([name for name in sys.modules if name.startswith(('hullmark.net', 'hullmark.source.cloud_logins'))])"
    )
    done = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, check=True)
    assert done.stdout.strip() == "[]"
