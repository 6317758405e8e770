"""Files that only have to be there: that they exist is the fact."""

from __future__ import annotations

from hullmark.rootfs.reads import Read, Report


class _PresenceOnly:
    """Lets a file pass that only has to be there."""

    def write(self, piece: memoryview, /) -> None:
        """Nothing of it is kept."""

    def finish(self, report: Report, /) -> bool:
        """The file exists and is not empty."""
        return True


def _empty(_path: str, _body: memoryview, _report: Report) -> None:
    """An empty file says nothing."""
    return


def presence(name: str, *globs: str) -> Read[bool]:
    """A read of files with these names, whatever they hold and however large they are."""
    return Read(name=name, fact=bool, extract=_empty, globs=globs, limit=0, oversize=lambda size: _PresenceOnly())
