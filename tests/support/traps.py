"""Traps: images in which a program is set to what a rule forbids, by a file, by how the image starts it, or by a script.

What the program itself says is asked in a root file system with that program in it (`answer_of`); `judged` is what Hullmark says of an
image that holds the trap's files.
"""

from __future__ import annotations

import json
import os
import shlex
import shutil
import subprocess
from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from pathlib import Path
from typing import Any

import msgspec
import pytest
from msgspec.structs import replace

from hullmark.facets.configuration.facet import FACET
from hullmark.model.configuration import Configuration
from hullmark.model.verdict import Outcome
from hullmark.policy.evaluate import evaluate
from hullmark.policy.facts import Facts
from hullmark.policy.load import load_any
from hullmark.policy.rules import Policy
from hullmark.scanning.request import ScanRequest, ScanResources
from hullmark.scanning.take import take
from hullmark.source import SourceOptions
from tests.support.images import Blobs, tagged, tar_of, write_layout
from tests.unit.policy.building import NOW


class Trap(msgspec.Struct, frozen=True, kw_only=True):
    """One trap. The rule says that `setting` must not be `value`.

    `says` is a regular expression for what the program prints of it, and `ask` is what it is asked for where it does not print everything.
    `cmd` and `entrypoint` are words as a shell parts them, `sh` is a CMD in the shell's form. `probe`: what a shell runs to ask the
    program, where it must be at work to answer. `is_unset`: nothing sets it and no default is known, so no file is to blame.
    `is_outside`: the program is one of this machine's own, for the root file system has none.
    """

    name: str
    program: str
    setting: str
    value: str
    says: str = ""
    ask: str = ""
    files: Mapping[str, str] = {}
    cmd: str = ""
    sh: str = ""
    entrypoint: str = ""
    env: tuple[str, ...] = ()
    probe: str = ""
    is_unset: bool = False
    is_outside: bool = False

    @property
    def how(self) -> str:
        """What sets it: nothing, a file, the start itself, or a script."""
        if self.is_unset:
            return "nothing"
        if any(text.startswith("#!") for text in self.files.values()):
            return "script"
        return "start" if self.cmd or self.sh or self.entrypoint or self.env else "file"

    @property
    def command(self) -> tuple[str, ...]:
        """CMD."""
        return ("/bin/sh", "-c", self.sh) if self.sh else tuple(shlex.split(self.cmd))


def like(base: Trap, name: str, more: Mapping[str, str] | None = None, **changes: Any) -> Trap:
    """A trap as another one, with a name of its own, further files and other fields."""
    return replace(base, name=name, files={**base.files, **(more or {})}, **changes)


class Judged(msgspec.Struct, frozen=True):
    """What comes of a trap: the verdict of the one rule, its reasons, and whether `configuration.unread` fires."""

    outcome: Outcome
    reasons: tuple[str, ...]
    is_unread: bool
    value: str


def judged(trap: Trap, folder: Path) -> Judged:
    """Judge an image of the trap's files, written to a folder."""
    config = {
        "Cmd": list(trap.command),
        "Entrypoint": shlex.split(trap.entrypoint),
        "Env": list(trap.env),
    }
    blobs = Blobs()
    image = blobs.image(
        (tar_of({path: text.encode() for path, text in trap.files.items()}),),
        config=lambda known: {**known, "config": config},
    )
    layout = write_layout(folder, blobs, [tagged(image, "latest")])
    result = take(f"oci-dir:{layout}", ScanRequest(facets=(FACET,)), ScanResources(), SourceOptions())
    found: Configuration = result.facets["configuration"]
    facts = Facts(inventory=result.inventory, now=NOW, configuration=found)
    verdict = evaluate(native(policy_of(trap).encode()), facts, analyzer="test")
    unread = evaluate(native(_UNREAD.encode()), facts, analyzer="test")
    values = [
        f"{setting.value} ({setting.path or 'default'})" for setting in found.settings if setting.key == trap.setting
    ]
    reasons = tuple(finding.message for finding in verdict.findings)
    return Judged(verdict.verdict, reasons, bool(unread.findings), values[0] if values else "")


def policy_of(trap: Trap) -> str:
    """A policy of one rule that forbids the value."""
    params = {"setting": trap.setting, "values": [trap.value]}
    rule = {"id": "trap", "gate": "configuration", "trigger": "must_not_be", "action": "stop", "params": params}
    return json.dumps({"schema": "hullmark-policy/1", "name": "trap", "rules": [rule]})


_UNREAD = json.dumps({
    "schema": "hullmark-policy/1",
    "name": "unread",
    "rules": [{"id": "unread", "gate": "configuration", "trigger": "unread", "action": "stop"}],
})  # fmt: skip


def native(text: bytes) -> Policy:
    """A native policy."""
    policy = load_any(text)
    assert isinstance(policy, Policy)
    return policy


_FAKES = {
    "nginx": 'echo "given: $*"; exec /opt/real/nginx -T "$@"',
    "sshd": 'exec /opt/real/sshd -T "$@"',
    "apache2": '. /etc/apache2/envvars; mkdir -p /run/apache2; exec /opt/real/apache2 -C "LoadModule info_module'
    ' /usr/lib/apache2/modules/mod_info.so" "$@" -t -D DUMP_CONFIG',
    "php-fpm8.4": '/opt/real/php-fpm8.4 "$@" -tt; exec /opt/real/php-fpm8.4 "$@" -i',
    "mariadbd": 'exec /opt/real/mariadbd "$@" --verbose --help',
    "redis-server": 'rm -f /tmp/trap.sock; /opt/real/redis-server "$@" --port 0 --unixsocket /tmp/trap.sock --daemonize no & '
    "for i in $(seq 200); do sleep 0.1; redis-cli -s /tmp/trap.sock PING | grep -q PONG && break; done; "
    "redis-cli -s /tmp/trap.sock CONFIG GET '*' | paste - -; kill $!; wait",
}
"""Programs in the root that are replaced by ones that let the real one say what it would run with, given the same words."""

_LINKED = {"mysqld": "mariadbd", "php-fpm": "php-fpm8.4"}
_POSTGRES = 'exec setpriv --reuid postgres --clear-groups /usr/lib/postgresql/17/bin/postgres -C "$ASK" "$@"'


@contextmanager
def plain_overlay(root: Path, folder: Path) -> Iterator[Path]:
    """The root file system. What is written there goes to the folder."""
    upper, work, merged = (folder / name for name in ("upper", "work", "merged"))
    for path in (upper, work, merged):
        path.mkdir(parents=True)
    options = f"lowerdir={root},upperdir={upper},workdir={work}"
    subprocess.run(["mount", "-t", "overlay", "overlay", "-o", options, str(merged)], check=True, capture_output=True)
    try:
        yield merged
    finally:
        subprocess.run(["umount", "-l", str(merged)], check=False)


@contextmanager
def overlaid(root: Path, folder: Path) -> Iterator[Path]:
    """The same with programs in it that say what they would run with."""
    with plain_overlay(root, folder) as merged:
        (merged / "opt/real").mkdir(parents=True, exist_ok=True)
        (merged / "run/sshd").mkdir(parents=True, exist_ok=True)
        for name, script in _FAKES.items():
            found = next(merged / place / name for place in ("usr/sbin", "usr/bin") if (merged / place / name).exists())
            shutil.copy2(found, merged / "opt/real" / name)
            found.unlink()
            _write(found, f"#!/bin/sh\n{script}\n")
        for name, target in _LINKED.items():
            (merged / "usr/bin" / name).unlink(missing_ok=True)
            folder_of = next(place for place in ("usr/sbin", "usr/bin") if (merged / place / target).exists())
            (merged / "usr/bin" / name).symlink_to(f"/{folder_of}/{target}")
        _write(merged / "usr/local/bin/postgres", f"#!/bin/sh\n{_POSTGRES}\n")
        yield merged


def _write(path: Path, text: str) -> None:
    path.unlink(missing_ok=True)
    path.parent.mkdir(parents=True, exist_ok=True)
    path.write_text(text)
    path.chmod(0o755)


def answer_of(trap: Trap, root: Path) -> str:
    """What the program prints, started as the trap's image starts it in a root file system as `overlaid` gives it."""
    if trap.is_outside:
        return _outside(trap)
    before = {root / path: (root / path).read_text() if (root / path).is_file() else None for path in trap.files}
    for path, text in trap.files.items():
        _write(root / path, text)
    (root / "srv").mkdir(exist_ok=True)
    command = ["/bin/sh", "-c", trap.probe] if trap.probe else [*shlex.split(trap.entrypoint), *trap.command]
    command = command or shlex.split(_USUAL[trap.program])
    environment = {"PATH": "/usr/local/bin:/usr/sbin:/usr/bin:/sbin:/bin", "ASK": trap.ask}
    environment |= dict(variable.split("=", 1) for variable in trap.env)
    try:
        done = subprocess.run(
            ["chroot", str(root), *command], capture_output=True, text=True, timeout=60, check=False, env=environment
        )
        return done.stdout + done.stderr
    finally:
        for file, old in before.items():
            file.unlink() if old is None else file.write_text(old)


def _outside(trap: Trap) -> str:
    """What a program of this machine prints; skips the test where it is not there."""
    if shutil.which(trap.program) is None:
        pytest.skip(f"{trap.program} is not installed")
    command = ["/bin/sh", "-c", trap.probe] if trap.probe else list(trap.command)
    environment = {"PATH": os.environ["PATH"], "HOME": "/nowhere"} | dict(one.split("=", 1) for one in trap.env)
    done = subprocess.run(command, capture_output=True, text=True, timeout=60, check=False, env=environment)
    return done.stdout + done.stderr


_USUAL = {
    "apache": "apache2",
    "mysql": "mariadbd",
    "nginx": "nginx",
    "php": "php /srv/show.php",
    "php-fpm": "php-fpm8.4",
    "postgresql": "postgres -D /srv/data",
    "redis": "redis-server /etc/redis/redis.conf",
    "sshd": "sshd",
}
"""How a program is started that an image does not start in its own way."""
