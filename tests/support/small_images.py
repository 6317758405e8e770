"""Small images that share nothing, made by number: for registries and as archives; and who puts them there."""

from __future__ import annotations

import contextlib
import http.client
import random
from collections.abc import Iterator
from urllib.parse import urlsplit

from tests.support.images import Blobs, Json, layout_files, tagged, tar_of
from tests.support.registry import FakeRegistry

_SLOW_FILES, _SLOW_BYTES = 300, 20_000
_STATUS = "Package: {name}\nStatus: install ok installed\nVersion: {version}\nArchitecture: amd64\nMaintainer: x\nDescription: x\n\n"


def numbered(number: int, *, layers: int = 2, files: int = 20, size: int = 2000) -> tuple[Blobs, Json]:
    """An image of Debian's kind with packages, files and digests of its own; and the descriptor of its manifest."""
    made = random.Random(number)  # noqa: S311 - the same for a number
    packages = "".join(
        _STATUS.format(name=f"package-{made.randrange(400)}-{place}", version=f"1.{made.randrange(90)}-1")
        for place in range(30)
    )
    base = {
        "etc/os-release": b'ID=debian\nVERSION_ID="12"\nPRETTY_NAME="Debian"\n',
        "var/lib/dpkg/status": packages.encode(),
        "etc/number": str(number).encode(),
    }
    others = [
        {f"srv/{number}/{layer}/{place}": made.randbytes(size) for place in range(files)} for layer in range(1, layers)
    ]
    blobs = Blobs()
    return blobs, blobs.image([tar_of(each) for each in (base, *others)])


@contextlib.contextmanager
def slow_registry(address: str = "127.0.0.1", seconds: int = 6) -> Iterator[tuple[FakeRegistry, str, str]]:
    """A registry whose one image takes some seconds to come, which costs nobody a processor as reading many files would; the image's
    reference and its digest."""
    blobs, descriptor = numbered(1, files=_SLOW_FILES, size=_SLOW_BYTES)
    slow = FakeRegistry(blobs, {"slow": descriptor["digest"]}, address=address, digests="true")
    slow.rate = _SLOW_FILES * _SLOW_BYTES // seconds
    with slow.running():
        yield slow, f"{slow.host}/{slow.repository}:slow", descriptor["digest"]


def archive_of(blobs: Blobs, descriptor: Json) -> bytes:
    """The image as an OCI archive."""
    return tar_of(layout_files(blobs, [tagged(descriptor, "1")]))


def put_image(registry: str, repository: str, blobs: Blobs, descriptor: Json, tag: str = "1") -> str:
    """Put an image into a registry on plain HTTP; its reference."""
    connection = http.client.HTTPConnection(registry, timeout=60)
    with contextlib.closing(connection):
        for digest, body in blobs.held.items():
            if digest == descriptor["digest"]:
                continue
            where = _asked(connection, "POST", f"/v2/{repository}/blobs/uploads/", b"", {})
            parts = urlsplit(where)
            path = f"{parts.path}?{parts.query}&digest={digest}"
            _asked(connection, "PUT", path, body, {"Content-Type": "application/octet-stream"})
        kind = {"Content-Type": str(descriptor["mediaType"])}
        _asked(connection, "PUT", f"/v2/{repository}/manifests/{tag}", blobs.held[descriptor["digest"]], kind)
    return f"{registry}/{repository}:{tag}"


def _asked(connection: http.client.HTTPConnection, method: str, path: str, body: bytes, headers: dict[str, str]) -> str:
    connection.request(method, path, body, headers)
    answer = connection.getresponse()
    said = answer.read()
    assert answer.status < 300, (method, path, answer.status, said[:300])
    return answer.getheader("Location") or ""
