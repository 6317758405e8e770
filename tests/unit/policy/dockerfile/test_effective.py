"""What an image comes to by its Dockerfile and its settings."""

from __future__ import annotations

import pytest

from hullmark.model.image import HealthCheck, ImageConfig
from hullmark.policy.dockerfile import Effective, effective, parse_dockerfile


def of(*lines: str, config: ImageConfig | None = None) -> Effective:
    """The result of these lines."""
    return effective(parse_dockerfile("\n".join(lines).encode()), config)


def test_the_last_user_counts_and_stages_are_followed() -> None:
    assert of("FROM scratch", "USER a", "USER b").user == "b"
    assert of("FROM scratch AS x", "USER a", "FROM scratch AS y", "USER b", "FROM x").user == "a"
    assert of("FROM scratch").user == ""
    assert of("FROM debian").user is None
    assert of("FROM scratch", "ARG U", "USER $U").user is None
    assert of("FROM scratch", "ARG U=c", "USER ${U}:1").user == "c:1"


def test_the_images_own_settings_win() -> None:
    config = ImageConfig(
        user="set", env=("A=set",), entrypoint=("/set",), cmd=("x",), healthcheck=HealthCheck(test=("NONE",))
    )
    found = of("FROM scratch", "USER a", "ENV A=b", "ENTRYPOINT a", "HEALTHCHECK CMD a", config=config)
    assert (found.user, found.env, found.entrypoint) == ("set", {"A": "set"}, ("/set", "x"))
    assert found.healthcheck == HealthCheck(test=("NONE",))
    assert found.user_by is not None
    assert found.user_by.line == 2


@pytest.mark.parametrize(
    ("words", "ports", "unread"),
    [
        ("80 53/udp 443/TCP", ["80/tcp", "53/udp", "443/tcp"], []),
        ("8000-8002", ["8000-8002/tcp"], []),
        ("8080:80", ["80/tcp"], []),
        ("$ONE ${TWO:-9}/udp", ["81/tcp", "9/udp"], []),
        ("$BOTH", ["1/tcp", "2/udp"], []),
        ("$FROM_THE_IMAGE", ["7/tcp"], []),
        ("$NONE", [], ["$NONE"]),
        ("99999 http 5-3", [], ["99999", "http", "5-3"]),
        ("${", [], ["${"]),
    ],
)
def test_ports_are_read(words: str, ports: list[str], unread: list[str]) -> None:
    config = ImageConfig(env=("FROM_THE_IMAGE=7",))
    lines = ("ARG ONE=81", "FROM scratch", "ARG ONE", 'ENV BOTH="1 2/udp"', f"EXPOSE {words}")
    found = of(*lines, config=config)
    assert [port.ports.text for port in found.exposed_ports] == ports
    assert [text for text, _ in found.unread_ports] == unread


def test_ports_of_the_settings_come_on_top() -> None:
    config = ImageConfig(exposed_ports=("80/tcp", "22/tcp", "?"))
    found = of("FROM debian", "EXPOSE 80", config=config)
    assert [(port.ports.text, port.said_by is None) for port in found.exposed_ports] == [
        ("80/tcp", False),
        ("22/tcp", True),
    ]
    assert found.unread_ports == (("?", None),)
    assert [port.ports.text for port in effective(None, config).exposed_ports] == ["22/tcp", "80/tcp"]


def test_variables_are_those_of_the_time() -> None:
    found = of(
        "FROM scratch", "ENV abc=hello", "ENV abc=bye def=$abc", "ENV ghi=$abc", "ARG abc=arg", "ENV jkl=$abc mno=$none"
    )
    assert found.env == {"abc": "bye", "def": "hello", "ghi": "bye", "jkl": "bye", "mno": None}


def test_arguments_end_with_their_stage() -> None:
    found = of("ARG G=1", "FROM scratch AS a", "ARG A=2", "ENV X=$A$G", "FROM a", "ARG G", "ENV Y=${A:-none}$G")
    assert found.env == {"X": None, "Y": "none1"}


def test_what_is_started_has_two_forms() -> None:
    assert of("FROM scratch", "CMD echo $x").entrypoint == ("/bin/sh", "-c", "echo $x")
    assert of("FROM scratch", 'SHELL ["bash", "-c"]', "CMD x").entrypoint == ("bash", "-c", "x")
    assert of("FROM scratch", 'CMD ["a"]', 'ENTRYPOINT ["b"]').entrypoint == ("b", "a")
    assert of("FROM scratch AS x", 'CMD ["a"]', "FROM x", 'ENTRYPOINT ["b"]').entrypoint == ("b",)
    assert of("FROM scratch", 'ENTRYPOINT ["b"]', "ENTRYPOINT []").entrypoint == ()


def test_health_checks_are_read() -> None:
    assert of("FROM scratch", "HEALTHCHECK NONE").healthcheck == HealthCheck(test=("NONE",))
    assert of("FROM scratch", "HEALTHCHECK --retries=2 cmd\tx y").healthcheck == HealthCheck(test=("CMD-SHELL", "x y"))
    assert of("FROM scratch", 'HEALTHCHECK CMD ["x", "y"]').healthcheck == HealthCheck(test=("CMD", "x", "y"))


def test_values_that_grow_without_end_are_given_up() -> None:
    lines = [f"ENV A{n}={'x' * 9000}" for n in range(110)]
    found = of("FROM scratch", *lines, f"ENV B={'$A1' * 1}", *[f"ENV C{n}=$A1" for n in range(20)])
    assert found.env["A1"] == "x" * 9000
    assert found.env["C19"] is None


def test_of_very_many_ports_the_first_are_read_and_that_there_are_more_is_told() -> None:
    many = " ".join(f"{port}/{protocol}" for protocol in ("tcp", "udp") for port in range(1, 5001))
    found = of(
        "FROM scratch", f"EXPOSE {many} 9001 9002", "EXPOSE 9003", config=ImageConfig(exposed_ports=("9004/tcp",))
    )
    assert len(found.exposed_ports) == 10_000
    assert [text for text, _ in found.unread_ports] == ["and more ports than are read"]
