"""One more instruction, and a Dockerfile with more at its end or on another base."""

from __future__ import annotations

import pytest

from hullmark.model.errors import HullmarkError
from hullmark.model.image import HealthCheck, ImageConfig
from hullmark.policy.dockerfile.applied import apply_instruction, read_setting
from hullmark.policy.dockerfile.own import name_last_stage, own_dockerfile

CONFIG = ImageConfig(user="root", env=("A=1", "B=2"), labels={"x": "1"})


def test_settings_are_as_a_builder_would_make_them() -> None:
    assert apply_instruction(CONFIG, "USER 7:8").user == "7:8"
    assert apply_instruction(CONFIG, 'ENV A="x y" C=3').env == ("A=x y", "B=2", "C=3")
    assert apply_instruction(CONFIG, "LABEL x='a b' y=2").labels == {"x": "a b", "y": "2"}
    found = apply_instruction(
        CONFIG, 'HEALTHCHECK --interval=1m --timeout=500ms --retries=3 CMD ["/a", "b"]'
    ).healthcheck
    assert found == HealthCheck(test=("CMD", "/a", "b"), interval=60 * 10**9, timeout=5 * 10**8, retries=3)
    assert apply_instruction(CONFIG, "HEALTHCHECK NONE").healthcheck == HealthCheck(test=("NONE",))
    assert read_setting(" USER  7 ") == ("USER", "7")


def test_a_value_that_names_no_variable_well_stays_as_it_is_written() -> None:
    assert apply_instruction(CONFIG, "LABEL x=${ y=2").labels == {"x": "${", "y": "2"}


@pytest.mark.parametrize(
    "line", ["RUN x", "USER 1\nUSER 2", "FROM a", "", "USER 1 \\", "# USER 1", "LABEL x", "USER a\u2028RUN b", "CMD x"]
)
def test_what_is_not_one_setting_is_refused(line: str) -> None:
    with pytest.raises(HullmarkError):
        apply_instruction(CONFIG, line)


OWN = """\
# syntax=docker/dockerfile:1
ARG V=1
FROM golang:1 AS build
RUN make
FROM --platform=linux/amd64 debian:12 AS system
RUN x
FROM system as Shop
COPY --from=build /a /a
USER 7"""


def test_the_base_of_the_last_image_is_changed_and_no_other() -> None:
    assert own_dockerfile(OWN, "debian:12.9") == OWN.replace("debian:12", "debian:12.9") + "\n"
    assert own_dockerfile(OWN) == OWN + "\n"


def test_the_last_stage_gets_a_name() -> None:
    assert name_last_stage(OWN, "whole") == OWN.replace("as Shop", "AS whole") + "\n"
    assert name_last_stage("FROM a", "whole") == "FROM a AS whole\n"
