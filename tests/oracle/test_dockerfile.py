"""buildah is the judge: the settings of the images that it builds from Dockerfiles are those that we work out."""

from __future__ import annotations

import json
import shutil
import subprocess
from pathlib import Path
from typing import Any

import pytest

from hullmark.model.image import HistoryEntry
from hullmark.policy.dockerfile import Effective, effective, from_history, parse_dockerfile

pytestmark = pytest.mark.skipif(shutil.which("buildah") is None, reason="buildah is not on this machine")

CASES = {
    "variables": """
ARG TAG=scratch
FROM ${TAG} AS base
ARG PORT=80
ENV A=$PORT B="x y" C='$A' \\
  # a comment

  D=${A:-none} E=${PORT:+set}
ENV F old  form
FROM base
ENV G=$A$B
USER u$A:${G:-0}
EXPOSE $A 53/udp ${PORT:-9}
""",
    "forms": """
# syntax=docker/dockerfile:1
from scratch
Cmd echo "$HOME" 'x'
ENTRYPOINT ["/a", "b c"]
HEALTHCHECK --interval=5s CMD ["/check", "it"]
expose 8000-8002
""",
    "stages": """
FROM scratch as one
CMD ["brought"]
USER first
FROM scratch AS two
USER second
FROM one
ENTRYPOINT start --now
USER "third"
""",
}


def built(text: str, folder: Path) -> tuple[dict[str, Any], list[dict[str, Any]]]:
    """Settings and history of the image that buildah builds; nothing is run, nothing is fetched."""
    (folder / "Dockerfile").write_text(text)
    buildah = ["buildah", "--storage-driver", "vfs", "--root", str(folder / "root"), "--runroot", str(folder / "run")]
    build = [*buildah, "bud", "--format", "docker", "--isolation", "chroot", "--pull-never", "-t", "image", str(folder)]
    done = subprocess.run(build, capture_output=True, text=True, timeout=120, check=False)
    if done.returncode:
        pytest.skip(f"buildah cannot build here: {done.stderr[-200:]}")
    shown = subprocess.run(
        [*buildah, "inspect", "--type", "image", "image"], capture_output=True, timeout=60, check=True
    )
    image = json.loads(shown.stdout)["Docker"]
    return image["config"], image["history"]


@pytest.mark.parametrize("case", CASES)
def test_the_settings_are_those_of_the_image(case: str, tmp_path: Path) -> None:
    text = CASES[case]
    config, history = built(text, tmp_path)
    found = effective(parse_dockerfile(text.encode()), None)
    agree(found, config)
    guessed = from_history(HistoryEntry(created_by=entry.get("created_by", "")) for entry in history)
    assert guessed is not None
    given = [each.keyword for each in parse_dockerfile(text.encode()).final if each.keyword != "FROM"]
    assert [each.keyword for each in guessed.final] == given


def agree(found: Effective, config: dict[str, Any]) -> None:
    assert found.user == config["User"]
    path = "PATH=/usr/local/sbin:/usr/local/bin:/usr/sbin:/usr/bin:/sbin:/bin"  # buildah sets it for all
    assert {f"{name}={value}" for name, value in found.env.items()} == set(config["Env"]) - {path}
    assert {port.ports.text for port in found.exposed_ports} == set(config.get("ExposedPorts") or ())
    assert list(found.entrypoint) == [*(config["Entrypoint"] or ()), *(config["Cmd"] or ())]
    check = (config.get("Healthcheck") or {}).get("Test") or []
    assert list(found.healthcheck.test if found.healthcheck else ()) == check
