"""`python -m hullmark.server.postgres.make_template` makes the template of the embedded PostgreSQL: a data folder to begin with."""

from __future__ import annotations

import sys
from pathlib import Path
from tempfile import TemporaryDirectory

from hullmark.server.postgres.cluster_template import pack, template_of
from hullmark.server.postgres.embedded import EmbeddedPostgres
from hullmark.server.postgres.installation import find_installation


def main() -> int:
    """Make the template of the installation."""
    own = find_installation()
    if own is None:
        sys.stderr.write("the embedded PostgreSQL is not installed\n")
        return 2
    template_of(own).unlink(missing_ok=True)
    with TemporaryDirectory(prefix="hullmark-") as folder:
        Path(folder).chmod(0o755)
        server = EmbeddedPostgres(Path(folder) / "server")
        server.start()
        server.stop(fast=False)
        pack(server.data, template_of(own))
    return 0


if __name__ == "__main__":
    sys.exit(main())
