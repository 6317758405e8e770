"""A database in the newest form that servers of tests begin with: what a first start makes is made once for a process, and copied.

How a first start makes it is proved by the tests whose servers are started, not forked, and by `tests/unit/server/test_embedded.py`.
"""

from __future__ import annotations

import atexit
import shutil
import subprocess
import tempfile
from functools import cache
from pathlib import Path

from hullmark.server.postgres.embedded import EmbeddedPostgres
from hullmark.server.tables.migrate import migrate
from tests.support.database import memory


def put_cluster(folder: Path) -> None:
    """Put the database where `EmbeddedPostgres` would make one, unless there is something already."""
    if not folder.exists():
        folder.mkdir(parents=True)
        subprocess.run(["cp", "-a", _cluster(), folder / "data"], check=True)


@cache
def _cluster() -> Path:
    """The data folder of a server that was stopped."""
    folder = Path(tempfile.mkdtemp(prefix="hm-cluster-", dir=memory()))
    atexit.register(shutil.rmtree, folder, ignore_errors=True)
    folder.chmod(0o755)
    with EmbeddedPostgres(folder / "postgres") as server:
        migrate(server.url)
    (folder / "postgres" / "data" / "postmaster.opts").unlink(missing_ok=True)
    return folder / "postgres" / "data"
