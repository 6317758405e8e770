"""Attack paths: from a port to a service, its user, and what leads further."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

import pytest

from hullmark.model.reach import AttackPath, AttackStep
from tests.support.reach import walked
from tests.unit.reach.test_walk import BASE, program

NET_RAW = "0100000200200000000000000000000000000000"
FILES = {
    **BASE,
    "/srv/web": program(),
    "/bin/mount": program(),
    "/bin/ping": program(),
    "/etc/passwd": b"root:x:0:0:root:/root:/bin/sh\nweb:x:33:33:web:/srv:/bin/sh\n",
    "/etc/group": b"root:x:0:\nmail:x:8:web\nweb:x:33:\n",
}


def paths(changes: Mapping[str, Mapping[str, Any]], user: str = "web", **config: Any) -> tuple[AttackPath, ...]:
    config = {"exposed_ports": ("8080/tcp",), "user": user, **config}
    return walked(FILES, config.pop("command", ("/srv/web",)), changes=changes, **config).attack_paths


def test_a_setuid_file_leads_from_the_port_to_root_and_may_be_left_out() -> None:
    assert paths({"/bin/mount": {"mode": 0o4755}}) == (
        AttackPath(
            kind="setuid",
            ports=("8080/tcp",),
            service="/srv/web",
            user="web (33)",
            uid=33,
            through=(AttackStep("/bin/mount", "unreachable"),),
            count=1,
            gain="all rights of root in the container",
        ),
    )


def test_who_is_root_needs_no_step_and_who_is_not_finds_none_without_one() -> None:
    assert paths({}) == ()
    for user in ("", "0", "root", "root:web"):
        [path] = paths({"/bin/mount": {"mode": 0o4755}}, user)
        assert (path.kind, path.user, path.uid, path.through) == ("root", "root", 0, ())


def test_a_file_with_capabilities_and_a_start_up_file_that_may_be_written_are_steps() -> None:
    found = paths({"/bin/ping": {"capability": NET_RAW}, "/srv/web": {"uid": 33}})
    assert [(path.kind, path.gain, [step.path for step in path.through]) for path in found] == [
        ("capability", "cap_net_raw", ["/bin/ping"]),
        ("start-up", "it runs again, as web (33), at each start", ["/srv/web"]),
    ]


@pytest.mark.parametrize(
    ("change", "user", "leads"),
    [
        ({"mode": 0o4750}, "web", False),
        ({"mode": 0o4750, "gid": 8}, "web", True),  # by group(5)
        ({"mode": 0o4750, "gid": 8}, "web:web", False),
        ({"mode": 0o4750, "gid": 8}, "33:8", True),
        ({"mode": 0o4754}, "nobody", False),
        ({"mode": 0o4755}, "nobody", True),  # not in passwd(5): whoever that is
        ({"mode": 0o4755, "uid": 5}, "web", False),  # no rights of root
        ({"mode": 0o2755}, "web", False),
    ],
)
def test_a_setuid_file_counts_where_the_user_may_run_it(change: dict[str, Any], user: str, leads: bool) -> None:
    assert bool(paths({"/bin/mount": change}, user)) is leads
    assert not paths({"/bin/mount": change, "/bin": {"mode": 0o700}}, user)


@pytest.mark.parametrize(
    ("folder", "leads"),
    [
        ({"mode": 0o755}, False),
        ({"mode": 0o777}, True),
        ({"mode": 0o1777}, False),
        ({"mode": 0o1755, "uid": 33}, True),
    ],
)
def test_a_file_may_be_replaced_where_its_folder_may_be_written(folder: dict[str, Any], leads: bool) -> None:
    assert [path.kind for path in paths({"/srv": folder})] == (["start-up"] if leads else [])


def test_a_start_wrapper_stands_for_what_it_is_given() -> None:
    files = {**FILES, "/start": b'#!/bin/sh\nexec "$@"\n', "/bin/sh": program()}
    found = walked(files, ("/srv/web", "-f"), entrypoint=("/start",), user="", exposed_ports=("80",)).attack_paths
    assert [path.service for path in found] == ["/srv/web"]
    alone = walked(files, (), entrypoint=("/start",)).attack_paths
    assert [(path.service, path.ports) for path in alone] == [("/start", ())]
    assert walked(files, ()).attack_paths == ()
