"""Images of a small company, as people build them: services on Debian and Alpine, one of nothing, one that nobody can read."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Any

import msgspec

from tests.support import shop
from tests.support.images import Blobs, Json
from tests.support.layers import TarBuilder

DEBIAN = b'PRETTY_NAME="Debian GNU/Linux 13 (trixie)"\nID=debian\nVERSION_ID="13"\nVERSION_CODENAME=trixie\n'
ALPINE = b'PRETTY_NAME="Alpine Linux v3.22"\nID=alpine\nVERSION_ID=3.22.1\n'
BASE = (("base-files", "13.8"), ("libc6", "2.41-12"), ("zlib1g", "1:1.3.dfsg+really1.3.1-1+b1"), ("openssl", "3.5.1-1"))
SITE = "app/lib/python3.13/site-packages"


class Recipe(msgspec.Struct, frozen=True, kw_only=True):
    """An image: its layers from the bottom with the instructions that made them, and its settings."""

    layers: Sequence[tuple[str, bytes]]
    settings: Mapping[str, Any] = {}
    created: str = "2026-04-20T08:00:00Z"

    def put(self, blobs: Blobs) -> Json:
        """Hold it; the descriptor of its manifest."""

        def config(made: Json) -> Json:
            history = [{"created_by": instruction, "created": self.created} for instruction, _ in self.layers]
            return {**made, "created": self.created, "config": dict(self.settings), "history": history}

        return blobs.image([layer for _, layer in self.layers], config=config)


def debian(*more: tuple[str, str]) -> tuple[str, bytes]:
    """A base of Debian 13 with the packages of BASE and these, each with a file of its own."""
    layer = TarBuilder().add("etc/os-release", DEBIAN)
    packages = (*BASE, *more)
    layer.add("var/lib/dpkg/status", b"".join(shop.stanza(name, version) for name, version in packages))
    for name, version in packages:
        files = {
            f"usr/lib/{name}/{name}.so": f"{name} {version}\n".encode() * 400,
            f"usr/share/doc/{name}/copyright": _COPYRIGHT,
        }
        shop.with_files(layer, files)
        shop.with_record(layer, name, files)
    return "ADD rootfs.tar.xz / # buildkit", layer.done()


_COPYRIGHT = b"Format: https://www.debian.org/doc/packaging-manuals/copyright-format/1.0/\n\nFiles: *\nCopyright: 2025 A\nLicense: MIT\n"


def wheels(*packages: tuple[str, str, str]) -> tuple[str, bytes]:
    """A layer with Python packages: name, version, licence."""
    layer = TarBuilder()
    for name, version, licence in packages:
        folder = f"{SITE}/{name}-{version}.dist-info"
        told = f"Metadata-Version: 2.1\nName: {name}\nVersion: {version}\nLicense: {licence}\n"
        layer.add(f"{folder}/METADATA", told.encode())
        layer.add(f"{folder}/RECORD", f"{name}/__init__.py,,\n{name}-{version}.dist-info/METADATA,,\n".encode())
        layer.add(f"{SITE}/{name}/__init__.py", f'__version__ = "{version}"\n'.encode() * 200)
    return f"RUN pip install --no-cache-dir {' '.join(name for name, _, _ in packages)} # buildkit", layer.done()


def program(name: str, text: bytes = b"#!/bin/sh\nexec serve\n", **files: bytes) -> tuple[str, bytes]:
    """A layer with a program, and further files by their paths below app/ (`__` for `/`)."""
    layer = TarBuilder().add(f"app/bin/{name}", text, mode=0o755)
    for path, body in files.items():
        layer.add(f"app/{path.replace('__', '/')}", body)
    return f"COPY {name} /app/bin/{name} # buildkit", layer.done()


def alpine(*packages: tuple[str, str]) -> tuple[str, bytes]:
    """A base of Alpine 3.22 with these packages."""
    stanzas = (f"P:{name}\nV:{version}\nA:x86_64\nL:MIT\nT:it\no:{name}\n\n" for name, version in packages)
    layer = TarBuilder().add("etc/os-release", ALPINE).add("lib/apk/db/installed", "".join(stanzas).encode())
    return "ADD alpine-minirootfs.tar.gz / # buildkit", layer.done()


def _service(name: str, **more: Any) -> dict[str, Any]:
    return {
        "User": "10001",
        "Entrypoint": [f"/app/bin/{name}"],
        "Env": ["PATH=/usr/local/bin:/usr/bin:/bin", f"SERVICE={name}"],
        "Labels": {
            "org.opencontainers.image.title": name,
            "org.opencontainers.image.source": f"https://git.example/{name}",
        },
        "ExposedPorts": {"8080/tcp": {}},
        **more,
    }


def recipes() -> dict[str, Recipe]:
    """Each image by REPOSITORY:TAG."""
    base = debian(("libcurl4t64", "8.14.1-2"), ("nginx", "1.26.3-3"))
    python = wheels(
        ("requests", "2.32.3", "Apache-2.0"), ("jinja2", "3.1.4", "BSD-3-Clause"), ("urllib3", "2.2.1", "MIT")
    )
    key = b"-----BEGIN PRIVATE KEY-----\nnone\n-----END PRIVATE KEY-----\n"
    return {
        "shop/web:2.4.0": Recipe(layers=(base, program("web")), settings=_service("web")),
        "shop/web:2.4.1": Recipe(
            layers=(base, program("web", b"#!/bin/sh\nexec serve --fast\n", static__app_js=b"shop()\n" * 900)),
            settings=_service("web"),
            created="2026-04-29T08:00:00Z",
        ),
        "shop/api:1.9.3": Recipe(layers=(base, python, program("api")), settings=_service("api")),
        "shop/worker:0.7.2": Recipe(
            layers=(
                alpine(("musl", "1.2.5-r10"), ("busybox", "1.37.0-r18"), ("libxml2", "2.13.8-r0")),
                program("worker"),
            ),
            settings=_service("worker"),
            created="2026-02-02T08:00:00Z",
        ),
        "payments/billing:5.2": Recipe(
            layers=(
                base,
                wheels(("django", "5.0.1", "BSD-3-Clause"), ("pyyaml", "6.0.2", "MIT")),
                program("billing", server__key=key),
            ),
            settings=_service("billing", User="0", Env=["DB_PASSWORD=hunter-2-and-more", "SERVICE=billing"]),
            created="2025-11-11T08:00:00Z",
        ),
        "platform/gateway:3.0.0": Recipe(
            layers=(program("gateway", b"\x7fELF gateway" * 900),), settings=_service("gateway")
        ),
        "platform/legacy:1.0": Recipe(
            layers=(("COPY . /", TarBuilder().add("opt/legacy/app.jar", b"PK\3\4 no archive").done()),),
            settings=_service("legacy"),
            created="2021-06-01T08:00:00Z",
        ),
        "platform/shop:latest": Recipe(
            layers=tuple(zip(shop.INSTRUCTIONS, shop.layers(), strict=True)),
            settings={"User": "1000", "Cmd": ["/app/run"], "Env": ["SHOP=1"], "Labels": {"title": "shop"}},
        ),
    }
