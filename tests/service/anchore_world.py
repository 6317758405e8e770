"""A whole server with a registry and advisories, and an image that has something of everything, for the tests of Anchore's interface."""

from __future__ import annotations

import asyncio
import base64
import contextlib
import http.client
import io
import json
import os
import shutil
import subprocess
import tempfile
import zipfile
from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from functools import cache
from pathlib import Path
from typing import Any

import pytest

from hullmark.advisories.database.build import build
from hullmark.server.stories.advisories import advisories
from hullmark.server.stories.services import services_for
from hullmark.server.stories.settings import Settings
from tests.support import fork_server
from tests.support.executables import elf, go_inline
from tests.support.images import layout_of
from tests.support.matching import advisory, affected, info
from tests.support.processes import forked_server
from tests.support.registry import free_port, wait_for_port
from tests.support.shop import stanza

PASSWORD = "the operator's words"  # noqa: S105
_GO = "path\texample.com/acme/tool\nmod\texample.com/acme/tool\tv1.2.3\t\ndep\tgopkg.in/yaml.v3\tv3.0.1\th1:def=\n"
_GEM = 'Gem::Specification.new do |s|\n  s.name = "rack"\n  s.version = "2.0.5"\n  s.licenses = ["MIT"]\nend\n'


def _jar() -> bytes:
    out = io.BytesIO()
    with zipfile.ZipFile(out, "w") as archive:
        archive.writestr(
            "META-INF/maven/com.acme/till/pom.properties", "groupId=com.acme\nartifactId=till\nversion=1.4\n"
        )
    return out.getvalue()


def image_files(more: Mapping[str, bytes] | None = None) -> dict[str, bytes]:
    """The files of an image with a package of every kind."""
    return {
        "etc/os-release": b'ID=debian\nVERSION_ID="12"\n',
        "etc/passwd": b"root:x:0:0:root:/root:/bin/sh\n",
        "var/lib/dpkg/status": stanza("base-files", "12.4") + stanza("libshop1", "1:1.0-2"),
        "app/node_modules/left-pad/package.json": b'{"name": "left-pad", "version": "1.0.0", "license": "MIT"}',
        "usr/lib/python3/dist-packages/seller-3.1.dist-info/METADATA": b"Metadata-Version: 2.1\nName: seller\nVersion: 3.1\n",
        "usr/local/lib/ruby/gems/3.1.0/specifications/rack-2.0.5.gemspec": _GEM.encode(),
        "app/till-1.4.jar": _jar(),
        "usr/bin/tool": elf(go_inline("go1.22.1", _GO)),
        "opt/java/release": b'JAVA_VERSION="17.0.1"\nIMPLEMENTOR="Eclipse Adoptium"\nIMAGE_TYPE="JRE"\n',
        **(more or {}),
    }


def records() -> list[Any]:
    """What is known to be wrong: a package of the system (high), and one of npm (critical)."""
    return [
        advisory(
            "CVE-2026-1001", affected("debian:12", "libshop1", "deb", "1:1.0-3"), source="debian", severity="high"
        ),
        advisory(
            "GHSA-aaaa-bbbb-cccc", affected("npm", "left-pad", "semver", "1.3.0"), source="ghsa", severity="critical"
        ),
    ]


@dataclass(frozen=True)
class Ran:
    """How a run of the client ended."""

    status: int
    out: str


@dataclass(frozen=True)
class Answer:
    """What the server answered."""

    status: int
    headers: dict[str, str]
    body: bytes

    @property
    def document(self) -> Any:
        return json.loads(self.body)


@dataclass(frozen=True)
class World:
    """A server and a registry. `host` is the registry's."""

    port: int
    host: str
    folder: Path
    interpreter: Path | None

    def cli(self, *arguments: str, user: str = "admin", password: str = PASSWORD, as_json: bool = False) -> Ran:
        """Run Anchore's client."""
        assert self.interpreter is not None
        flags = ["--json"] if as_json else []
        environment = {
            "PATH": os.environ.get("PATH", ""),
            "HOME": str(self.folder),
            "ANCHORE_CLI_URL": f"http://127.0.0.1:{self.port}/v1",
            "ANCHORE_CLI_USER": user,
            "ANCHORE_CLI_PASS": password,
            "PYTHONUTF8": "1",
            "PYTHONWARNINGS": "ignore",
        }
        request = fork_server.RunRequest([*flags, *arguments], environment, str(self.folder))
        done = fork_server_of_clients(self.interpreter).run(request, seconds=120)
        assert done is not None
        return Ran(done.returncode, (done.stdout + done.stderr).decode())

    def ok(self, *arguments: str, **more: Any) -> str:
        """What the client prints; it must end with 0 and print no warning of its own."""
        ran = self.cli(*arguments, **more)
        assert ran.status == 0, f"{arguments}: {ran}"
        assert "WARNING" not in ran.out, f"{arguments}: {ran}"
        return ran.out

    def ask(self, method: str, path: str, body: object = None, *, user: str | None = "admin", **headers: str) -> Answer:
        """A request as programs send it: with a type of body even where there is none."""
        given = {
            "Content-Type": "application/json",
            **{name.replace("_", "-"): value for name, value in headers.items()},
        }
        if user:
            given["Authorization"] = "Basic " + base64.b64encode(f"{user}:{PASSWORD}".encode()).decode()
        connection = http.client.HTTPConnection("127.0.0.1", self.port, timeout=60)
        sent = body if isinstance(body, bytes) or body is None else json.dumps(body).encode()
        with contextlib.closing(connection):
            connection.request(method, path, sent, given)
            answer = connection.getresponse()
            return Answer(answer.status, {k.lower(): v for k, v in answer.getheaders()}, answer.read())

    def push(self, name: str, more: Mapping[str, bytes] | None = None) -> None:
        """Put an image into the registry: `shop/seller:1`."""
        with tempfile.TemporaryDirectory() as folder:
            layout = layout_of(Path(folder) / "layout", image_files(more))
            subprocess.run(
                [
                    "skopeo",
                    "copy",
                    "--quiet",
                    "--dest-tls-verify=false",
                    f"oci:{layout}:latest",
                    f"docker://{self.host}/{name}",
                ],
                check=True,
                capture_output=True,
            )


@cache
def fork_server_of_clients(interpreter: Path) -> fork_server.ForkServer:
    """What gives birth to runs of the client."""
    return fork_server.ForkServer(1, str(interpreter), "anchorecli")


@contextlib.contextmanager
def running_registry(folder: Path) -> Iterator[str]:
    """Debian's docker-registry, plain and open to all; its host and port."""
    program = shutil.which("docker-registry")
    if program is None or shutil.which("skopeo") is None:
        pytest.skip("docker-registry and skopeo are not installed")
    port = free_port()
    storage = {"filesystem": {"rootdirectory": str(folder / "registry")}}
    config = {"version": 0.1, "log": {"level": "error"}, "storage": storage, "http": {"addr": f"127.0.0.1:{port}"}}
    (folder / "registry.yml").write_text(json.dumps(config))
    with (folder / "registry.log").open("wb") as log:
        process = subprocess.Popen([program, "serve", str(folder / "registry.yml")], stdout=log, stderr=log)
    try:
        wait_for_port(port, process, folder / "registry.log")
        yield f"127.0.0.1:{port}"
    finally:
        process.terminate()
        process.wait(10)


@contextlib.contextmanager
def running_server(folder: Path, database_url: str) -> Iterator[int]:
    """`hullmark serve` over this database, with advisories; its port."""
    settings = {
        "HULLMARK_DATABASE_URL": database_url,
        "HULLMARK_ADMIN_PASSWORD": PASSWORD,
        "HULLMARK_ALLOW_ADDRESSES": "127.0.0.0/8",
        "HULLMARK_RATE": "100000",
    }
    with forked_server(folder, **settings) as running:
        running.start()
        running.ready()
        asyncio.run(_publish(folder / "data", database_url, folder / "advisories"))
        yield running.port


async def _publish(data: Path, database_url: str, path: Path) -> None:
    """Make the advisories known, as a shelf's snapshots are."""
    by_feed: dict[str, list[Any]] = {}
    for record in records():
        by_feed.setdefault(record.source, []).append(record)
    digest = build(path, [(info(name), iter(by_feed[name])) for name in sorted(by_feed)])
    services = services_for(Settings(data=data, database_url=database_url), {})
    async with services.database:
        await advisories.publish(services, path, digest)
