"""Lines, here-documents, stages and faults. The expectations are those of the Dockerfile reference and of BuildKit's own tests."""

from __future__ import annotations

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from hullmark.model.dockerfile import Dockerfile, Heredoc, Instruction
from hullmark.model.errors import HullmarkError
from hullmark.policy.dockerfile import KEYWORDS, base_images, effective, parse_dockerfile
from hullmark.policy.dockerfile.commands import commands_of
from hullmark.policy.dockerfile.parse import MAX_INSTRUCTIONS
from hullmark.policy.dockerfile.shown import evidence, rest


def parse(*lines: str) -> Dockerfile:
    """The Dockerfile of these lines."""
    return parse_dockerfile("\n".join(lines).encode())


def only(*lines: str) -> Instruction:
    """The one instruction after FROM."""
    (found,) = parse("FROM scratch", *lines).stages[0].instructions[1:]
    return found


@pytest.mark.parametrize(
    ("lines", "value"),
    [
        (["RUN a \\", "  && b"], "a   && b"),
        (["run a \\  ", "&& b"], "a && b"),
        (["RUN a \\", "# a comment", "   # another", "b"], "a b"),
        (["RUN a \\", "", "  ", "b"], "a b"),
        (["RUN a \\"], "a"),
        (["RUN a \\\\"], "a \\\\"),
        (["  RUN\ta  "], "a"),
        (["\\", "RUN a"], "a"),
        (["RUN echo '# no comment'"], "echo '# no comment'"),
        (["RUN a\r", "\r"], "a"),
    ],
)
def test_lines_are_joined(lines: list[str], value: str) -> None:
    found = only(*lines)
    assert (found.keyword, found.value) == ("RUN", value)
    assert found.line == 2


def test_an_instruction_keeps_its_lines_as_they_were_written() -> None:
    first, second = parse("FROM a", "", "RUN x \\", "  # why", "  y <<E", "z", "E", "USER b").stages[0].instructions[1:]
    assert (first.line, first.text) == (3, "RUN x \\\n  # why\n  y <<E\nz\nE")
    assert (second.line, second.text) == (8, "USER b")


@pytest.mark.parametrize(
    ("lines", "directives"),
    [
        (["# syntax=docker/dockerfile:1", "#escape = `"], {"syntax": "docker/dockerfile:1", "escape": "`"}),
        (["# CHECK = skip=all;error=true "], {"check": "skip=all;error=true"}),
        (["# a comment", "# escape=`"], {}),
        (["", "# escape=`"], {}),
        (["# unknown=x", "# escape=`"], {}),
        (["\ufeff# escape=`"], {"escape": "`"}),
    ],
)
def test_directives_stand_first(lines: list[str], directives: dict[str, str]) -> None:
    assert parse(*lines, "FROM a").directives == directives


def test_the_escape_character_continues_lines() -> None:
    found = parse("# escape=`", "FROM a", "COPY x `", "c:\\", "USER y").stages[0].instructions
    assert [(each.keyword, each.value) for each in found[1:]] == [("COPY", "x c:\\"), ("USER", "y")]


HEREDOCS = [
    (["RUN <<EMPTY", "EMPTY"], [("EMPTY", "", False)]),
    (["RUN 3<<EMPTY", "EMPTY"], [("EMPTY", "", False)]),
    (['RUN "<<NONE"'], []),
    (["RUN '<<NONE'"], []),
    (["USER <<NONE"], []),
    (["RUN <<<NONE"], []),
    (['RUN <<""'], []),
    (["RUN x<<NONE"], []),
    (['RUN ["<<NONE"]'], []),
    (["RUN <<KEEP", "\tfoo", "KEEP"], [("KEEP", "\tfoo\n", False)]),
    (["RUN <<-CUT", "\tfoo", "\tCUT"], [("CUT", "foo\n", False)]),
    (["RUN <<-'PLAIN'", "$NAME", "PLAIN"], [("PLAIN", "$NAME\n", True)]),
    (['RUN <<"PLAIN" x', "# kept", "", "a \\", "PLAIN"], [("PLAIN", "# kept\n\na \\\n", True)]),
    (["RUN --mount=type=cache,target=/x <<E", "a", "E"], [("E", "a\n", False)]),
    (["COPY <<X <<Y /dest", "Y", "X", "X", "Y"], [("X", "Y\n", False), ("Y", "X\n", False)]),
    (["ADD <<file.txt /dest", "a", "file.txt"], [("file.txt", "a\n", False)]),
    (["RUN <<eo'f'", "eof"], [("eof", "", True)]),
    (["RUN <<eo\\'f", "eo'f"], [("eo'f", "", False)]),
    (["RUN <<'e'o\\'f", "eo'f"], [("eo'f", "", True)]),
    (["RUN <<'one two'", "one two"], [("one two", "", True)]),
    (["RUN <<$EOF", "$EOF"], [("$EOF", "", False)]),
    (["RUN <<  EOF  > foo", "EOF"], [("EOF", "", False)]),
    (["RUN <<- EOF", "EOF"], [("EOF", "", False)]),
    (["RUN << -EOF", "-EOF"], [("-EOF", "", False)]),
    (["RUN a \\", "<<EOF", "x", "EOF"], [("EOF", "x\n", False)]),
    (["ONBUILD RUN <<EOF", "x", "EOF"], [("EOF", "x\n", False)]),
]


@pytest.mark.parametrize(("lines", "heredocs"), HEREDOCS, ids=[lines[0] for lines, _ in HEREDOCS])
def test_heredocs_are_read(lines: list[str], heredocs: list[tuple[str, str, bool]]) -> None:
    found = parse("FROM a", *lines, "LABEL after=it").stages[0].instructions
    assert [each.keyword for each in found[2:]] == ["LABEL"]
    assert found[1].heredocs == tuple(Heredoc(name=name, text=text, is_quoted=q) for name, text, q in heredocs)


@pytest.mark.parametrize(
    ("line", "flags", "value"),
    [
        ("COPY --from=x --chown=1:1 a b", ("--from=x", "--chown=1:1"), "a b"),
        ('COPY --chmod="u=rw x" a b', ("--chmod=u=rw x",), "a b"),
        ("RUN --network=none -- --x", ("--network=none",), "--x"),
        ("RUN echo --x", (), "echo --x"),
        ("HEALTHCHECK --interval=5m NONE", ("--interval=5m",), "NONE"),
    ],
)
def test_flags_stand_in_front(line: str, flags: tuple[str, ...], value: str) -> None:
    found = only(line)
    assert (found.flags, found.value) == (flags, value)


def test_stages_have_bases_names_and_platforms() -> None:
    found = parse(
        "ARG TAG=12",
        "ARG SUFFIX=${TAG:+-slim}",
        "FROM --platform=$BUILDPLATFORM debian:${TAG}${SUFFIX} AS Build",
        "ARG TAG=13",
        "FROM ${MISSING:-alpine}",
        "from build as Final",
        "USER a",
    )
    assert [(stage.base, stage.name, stage.platform) for stage in found.stages] == [
        ("debian:12-slim", "build", "$BUILDPLATFORM"),
        ("alpine", "", ""),
        ("build", "final", ""),
    ]
    assert [each.value for each in found.final] == [
        "--platform=$BUILDPLATFORM debian:${TAG}${SUFFIX} AS Build".partition(" ")[2],
        "TAG=13",
        "build as Final",
        "a",
    ]


def test_a_stages_name_means_the_nearest_one_before() -> None:
    found = parse("FROM x AS a", "USER one", "FROM y AS a", "USER two", "FROM a", "FROM a AS a")
    assert [each.value for each in found.final] == ["y AS a", "two", "a AS a"]
    assert [base.reference for base in base_images(found)] == ["x", "y"]


def test_images_are_told_from_stages() -> None:
    found = parse(
        "FROM scratch AS a",
        "FROM ${WHO}",
        "COPY --from=A x y",
        "COPY --from=0 x y",
        "COPY --from=7 x y",
        "COPY --from=tool:1 x y",
        "RUN --mount=type=bind,from=mount:2,target=/x make",
    )
    assert [(image.reference, image.is_unresolved, image.is_copied_from) for image in base_images(found)] == [
        ("${WHO}", True, False),
        ("7", False, True),
        ("tool:1", False, True),
        ("mount:2", False, True),
    ]


@pytest.mark.parametrize(
    ("lines", "says"),
    [
        ([""], "the Dockerfile has no FROM"),
        (["# only a comment"], "the Dockerfile has no FROM"),
        (["ARG A"], "the Dockerfile has no FROM"),
        (["FROM a", "", "INSTALL x"], "line 3 of the Dockerfile: 'INSTALL' is not an instruction"),
        (["#!/bin/sh", "set -e"], "line 2 of the Dockerfile: 'set' is not an instruction"),
        (["RUN x", "FROM a"], "line 1 of the Dockerfile: RUN stands before the first FROM"),
        (["FROM"], "line 1 of the Dockerfile: FROM says nothing"),
        (["FROM a b"], "line 1 of the Dockerfile: FROM takes an image, or an image AS a name"),
        (["FROM a IS b"], "line 1 of the Dockerfile: FROM takes an image, or an image AS a name"),
        (["FROM a AS 1b"], "line 1 of the Dockerfile: '1b' cannot be a stage's name"),
        (["FROM ${A:+b}"], "line 1 of the Dockerfile: FROM names no image"),
        (["FROM ${A"], "line 1 of the Dockerfile: FROM: there is no }"),
        (["FROM a", "ENV A"], "line 2 of the Dockerfile: ENV: a name must have a value"),
        (["FROM a", "ENV A=b c"], "line 2 of the Dockerfile: ENV: all words must be of the form name=value"),
        (["FROM a", "CMD [1]"], "line 2 of the Dockerfile: CMD: a list in JSON form must hold nothing but texts"),
        (["FROM a", "SHELL /bin/sh"], "line 2 of the Dockerfile: SHELL: it must be a list in JSON form"),
        (["FROM a", "HEALTHCHECK RUN x"], "line 2 of the Dockerfile: HEALTHCHECK: it must be followed by CMD or NONE"),
        (["FROM a", "ONBUILD FROM b"], "line 2 of the Dockerfile: ONBUILD: this cannot be put off"),
        (["FROM a", "ONBUILD " * 5000 + "RUN b"], "line 2 of the Dockerfile: ONBUILD: this cannot be put off"),
        (["FROM a", "RUN <<${E", "x", "${E"], "line 2 of the Dockerfile: the here-document's name: there is no }"),
        (["FROM a", "RUN <<E", "x"], "line 2 of the Dockerfile: the here-document 'E' does not end"),
        (["# escape=x", "FROM a"], "line 1 of the Dockerfile: the directive escape must be \\ or `"),
        (["# escape=`", "# escape=`"], "line 2 of the Dockerfile: the directive escape is there twice"),
        (["FROM a", *["USER b"] * MAX_INSTRUCTIONS], "line 2001 of the Dockerfile: there are more than 2000 instructions"),
        (["FROM a", *[""] * 60_000], "the Dockerfile has more than 50000 lines"),
        (["FROM a" + " " * (1 << 20)], "the Dockerfile has 1048582 bytes, and may have 1048576"),
    ],
)  # fmt: skip
def test_what_is_no_dockerfile_is_refused(lines: list[str], says: str) -> None:
    with pytest.raises(HullmarkError) as refusal:
        parse(*lines)
    assert str(refusal.value) == says
    assert refusal.value.advice


def use(found: Dockerfile) -> None:
    """Everything that gates do with a Dockerfile."""
    effective(found, None)
    base_images(found)
    for instruction in found.final:
        evidence(instruction)
        rest(instruction)
        if instruction.keyword == "RUN":
            list(commands_of(instruction))


def refusal_of(text: bytes) -> str:
    """Why it is refused; "a Dockerfile" if it is not."""
    try:
        use(parse_dockerfile(text))
    except HullmarkError as refusal:
        return str(refusal)
    return "a Dockerfile"


@given(st.binary(max_size=200))
def test_any_bytes_are_read_or_refused(text: bytes) -> None:
    for start in (b"", b"FROM a\n", b"# escape=`\nFROM a\nRUN "):
        assert "Dockerfile" in refusal_of(start + text)


WORDS = st.sampled_from(
    ["a", "A=b", "$A", "${A:-", "}", '"', "'", "\\", "`", "[", "]", ",", "<<E", "<<-E", "E", "\n", "\t", " ", "#", "--x=", "CMD", "NONE",
     "AS", "=", "80", "/udp", "\x1c", "\u2003", "|", "&&", ";", "sh", "-c", "\\\n", *KEYWORDS]
)  # fmt: skip


@settings(max_examples=400)
@given(
    st.lists(st.tuples(st.sampled_from(KEYWORDS), st.lists(WORDS, max_size=8)), max_size=8), st.sampled_from(["", " "])
)
def test_any_instructions_are_read_or_refused(lines: list[tuple[str, list[str]]], gap: str) -> None:
    text = "FROM a\n" + "\n".join(f"{keyword} {gap.join(words)}" for keyword, words in lines)
    assert "Dockerfile" in refusal_of(text.encode())


PLAIN = st.text("abcxyz=./:-_ ", min_size=1, max_size=20).map(lambda text: f"x{text.strip()}x")


@given(st.lists(st.tuples(st.sampled_from(["USER", "WORKDIR", "RUN", "CMD"]), PLAIN), max_size=6), st.data())
def test_joining_undoes_any_splitting(said: list[tuple[str, str]], data: st.DataObject) -> None:
    lines = ["FROM a"]
    for keyword, value in said:
        at = data.draw(st.integers(1, len(value)))
        between = data.draw(st.lists(st.sampled_from(["# comment", "", "   "]), max_size=2))
        lines += data.draw(st.lists(st.sampled_from(["", "# comment"]), max_size=2))
        lines += [f"{keyword.lower()} {value[:at]}\\", *between, value[at:] + "x"]
    found = parse(*lines)
    assert [(each.keyword, each.value) for each in found.final[1:]] == [
        (keyword, f"{value}x") for keyword, value in said if value
    ]
    again = parse(*(each.text for each in found.final))
    assert [(each.keyword, each.value) for each in again.final] == [(each.keyword, each.value) for each in found.final]


@pytest.mark.parametrize(
    "line",
    [
        "ENV A=" + "$A" * 500_000,
        "RUN " + "<<-E " * 200_000,
        "RUN " + "'\"" * 250_000,
        "RUN --" + "x" * 500_000 + '"\\',
        "RUN" + " --a" * 250_000,
        "EXPOSE " + "1-9 $A " * 130_000,
        "CMD " + "[" * 500_000,
        "ARG " + "A=$B$B " * 120_000,
        "USER " + "${A:-" * 200_000,
        "USER ${A" + "#*a" * 200_000 + "}",
    ],
    ids=lambda line: line[:14],
)
def test_hostile_lines_come_to_an_end(line: str) -> None:
    assert "Dockerfile" in refusal_of(f"FROM a\nENV B={'b' * 10_000}\n{line}".encode())
