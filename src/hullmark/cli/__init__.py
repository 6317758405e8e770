"""The command line: one file a verb. `hullmark --help` imports none of the rooms."""

from hullmark.cli.main import main, program

__all__ = ["main", "program"]
