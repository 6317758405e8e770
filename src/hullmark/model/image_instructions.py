"""An image's settings as the Dockerfile instructions that would set them (docs.docker.com/reference/dockerfile)."""

from __future__ import annotations

import json
from collections.abc import Iterator

from hullmark.model.image import ImageConfig


def settings_as_instructions(config: ImageConfig) -> Iterator[tuple[str, str]]:
    """Instructions and their arguments. Docker expands variables in all of them but commands, so dollar signs are escaped."""
    for variable in config.env:
        name, _, value = variable.partition("=")
        quoted = _plain(value.replace("\\", "\\\\").replace('"', '\\"'))
        yield "ENV", f'{name}="{quoted}"'
    if config.working_dir:
        yield "WORKDIR", _plain(config.working_dir)
    if config.user:
        yield "USER", _plain(config.user)
    yield from (("EXPOSE", _plain(port)) for port in config.exposed_ports)
    yield from (("VOLUME", json.dumps([_plain(volume)])) for volume in config.volumes)
    if config.stop_signal:
        yield "STOPSIGNAL", _plain(config.stop_signal)
    yield from (("HEALTHCHECK", text) for text in _healthcheck(config))
    if config.entrypoint:
        yield "ENTRYPOINT", json.dumps(list(config.entrypoint))
    if config.cmd:
        yield "CMD", json.dumps(list(config.cmd))


def _plain(text: str) -> str:
    return text.replace("$", "\\$")


def _healthcheck(config: ImageConfig) -> Iterator[str]:
    check = config.healthcheck
    if check is None or check.test[:1] not in (("CMD",), ("CMD-SHELL",)):
        return
    seconds = (("interval", check.interval), ("timeout", check.timeout))
    options = [f"--{name}={value // 10**9}s" for name, value in seconds if value >= 10**9]
    options += [f"--retries={check.retries}"] if check.retries else []
    words = list(check.test[1:])
    command = json.dumps(words) if check.test[0] == "CMD" else "".join(words[:1])
    yield " ".join((*options, "CMD", command))
