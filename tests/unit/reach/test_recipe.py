"""The Dockerfile that makes what is left: what an image's settings say stays what they say, and begins nothing of its own."""

from __future__ import annotations

from hypothesis import given
from hypothesis import strategies as st
from msgspec.structs import replace

from hullmark.model.image import HealthCheck, ImageConfig
from hullmark.model.inventory import Inventory
from hullmark.policy.dockerfile.parse import parse_dockerfile
from hullmark.reach.recipe import dockerfile_of
from tests.support.reach import SOURCE

INVENTORY = Inventory(source=SOURCE, distro=None, packages=(), problems=())
MADE = ("FROM", "USER", "COPY", "RUN", "FROM", "COPY")
HOSTILE = st.text(alphabet="a /$\"'\\\n\r\x85\u2028{}[],=#", max_size=20)


def last_stage(config: ImageConfig) -> list[tuple[str, str]]:
    """The instructions that say the settings, as a reader of Dockerfiles takes them."""
    parsed = parse_dockerfile(dockerfile_of(replace(INVENTORY, config=config)).encode())
    found = [
        (instruction.keyword, " ".join((*instruction.flags, instruction.value)))
        for stage in parsed.stages
        for instruction in stage.instructions
    ]
    assert tuple(name for name, _ in found[: len(MADE)]) == MADE
    return found[len(MADE) :]


def test_settings_are_written_as_docker_reads_them() -> None:
    config = ImageConfig(
        env=('A=b "c" $d\\',),
        working_dir="/srv/$x",
        healthcheck=HealthCheck(("CMD-SHELL", "curl -f http://x || exit 1"), 30 * 10**9, 0, 3),
        entrypoint=("sh", "-c", "a\nb $c"),
    )
    assert last_stage(config) == [
        ("ENV", 'A="b \\"c\\" \\$d\\\\"'),
        ("WORKDIR", "/srv/\\$x"),
        ("HEALTHCHECK", "--interval=30s --retries=3 CMD curl -f http://x || exit 1"),
        ("ENTRYPOINT", '["sh", "-c", "a\\nb $c"]'),
    ]


@given(HOSTILE, HOSTILE, HOSTILE, HOSTILE)
def test_no_setting_begins_an_instruction(folder: str, user: str, variable: str, command: str) -> None:
    config = ImageConfig(
        working_dir=f"/{folder}",
        user=f"u{user}",
        env=(f"V{variable}",),
        exposed_ports=(f"80{user}",),
        stop_signal=f"S{user}",
        healthcheck=HealthCheck(("CMD-SHELL", f"c{command}")),
        cmd=(f"c{command}",),
    )
    text = dockerfile_of(replace(INVENTORY, config=config))
    known = ("#", "ENV ", "WORKDIR ", "USER ", "EXPOSE ", "STOPSIGNAL ", "HEALTHCHECK ", "CMD ")
    lines = text.partition("COPY --from=whole /residue /\n")[2].splitlines()
    assert len(lines) == 7
    assert [line for line in lines if not line.startswith(known)] == []
