"""Starts of images whose files are in memory, where `nginx` and `sshd` are the programs that are looked for."""

from __future__ import annotations

import shlex
from collections.abc import Mapping

from hullmark.facets.configuration.start import Start, read_start
from hullmark.model.image import ImageConfig


class Scripts:
    """Files in memory: every one is text, and None is one that was not kept."""

    def __init__(self, files: Mapping[str, str | None]) -> None:
        self._files = files

    def script(self, path: str) -> str | None:
        return self._files.get(path)

    def exists(self, path: str) -> bool:
        return path in self._files

    def real(self, path: str) -> str | None:
        return "/usr/sbin/nginx" if path == "/web" else path

    def matching(self, glob: str) -> list[str]:
        folder, _, name = glob.rpartition("/*/")
        if folder:
            return sorted(path for path in self._files if path.startswith(f"{folder}/") and path.endswith(f"/{name}"))
        return sorted(path for path in self._files if path.startswith(glob.partition("*")[0]))


def start_of(
    cmd: str = "",
    files: Mapping[str, str | None] | None = None,
    *,
    entrypoint: str = "",
    env: tuple[str, ...] = (),
    sh: str = "",
) -> Start:
    """The start of an image."""
    words = ("/bin/sh", "-c", sh) if sh else tuple(shlex.split(cmd))
    config = ImageConfig(cmd=words, entrypoint=tuple(shlex.split(entrypoint)), env=env, working_dir="/work")
    return read_start(config, Scripts(files or {}), lambda name: name in ("nginx", "sshd"))


def commands(start: Start) -> list[str]:
    """Each command as a line."""
    return [shlex.join([found.program, *(word.text or "" for word in found.arguments)]) for found in start.commands]
