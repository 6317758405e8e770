"""A data folder of PostgreSQL that was made beforehand: for places without a shell, which initdb needs.

`make_template` puts one beside the programs of the embedded PostgreSQL; `EmbeddedPostgres` begins with it where there is one and
PostgreSQL runs as our own user.
"""

from __future__ import annotations

import errno
import os
import tarfile
from pathlib import Path

import zstandard

from hullmark.server.postgres.installation import Installation

_LEFT_OUT = ("postmaster.pid", "postmaster.opts")


def template_of(own: Installation) -> Path:
    """Where an installation has its template, if it has one."""
    return own.folder / "cluster.tar.zst"


def pack(data: Path, template: Path, level: int = 15) -> None:
    """Write the data folder of a server that was stopped. `level`: of zstandard's compression."""
    with (
        template.open("wb") as file,
        zstandard.ZstdCompressor(level=level).stream_writer(file) as packed,
        tarfile.open(fileobj=packed, mode="w|") as tar,
    ):
        tar.add(data, ".", filter=lambda entry: None if Path(entry.name).name in _LEFT_OUT else entry)


def unpack(template: Path, data: Path) -> None:
    """Make a data folder, in an empty folder; all of it is on the disk afterwards. Raises OSError."""
    try:
        with (
            template.open("rb") as file,
            zstandard.ZstdDecompressor().stream_reader(file) as packed,
            tarfile.open(fileobj=packed, mode="r|") as tar,
        ):
            tar.extractall(data, filter="data")
    except (tarfile.TarError, zstandard.ZstdError) as error:
        raise OSError(errno.EIO, f"{template} is damaged") from error
    data.chmod(0o700)
    os.sync()
