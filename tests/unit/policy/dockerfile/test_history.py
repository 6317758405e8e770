"""Histories: what docker, BuildKit, buildah and kaniko write down, read back."""

from __future__ import annotations

import pytest
from hypothesis import given
from hypothesis import strategies as st

from hullmark.model.image import HistoryEntry
from hullmark.policy.dockerfile import base_images, effective, from_history
from hullmark.policy.dockerfile.shown import evidence

NOP = "/bin/sh -c #(nop) "
TEXTS = [
    (NOP + ' CMD ["nginx" "-g" "daemon off;"]', 'CMD ["nginx", "-g", "daemon off;"]'),
    (NOP + ' CMD ["nginx", "-g"]', 'CMD ["nginx", "-g"]'),
    (NOP + " ADD file:0123 in / ", "ADD file:0123 in /"),
    (NOP + " ENV A=x y z", "ENV A='x y z'"),
    (NOP + " EXPOSE 80/tcp 443/tcp", "EXPOSE 80/tcp 443/tcp"),
    (NOP + ' ENV A=$V B="x y"', 'ENV A=$V B="x y"'),
    (NOP + " USER app", "USER app"),
    ("/bin/sh -c apt-get update && make", "RUN apt-get update && make"),
    ("/bin/bash -o pipefail -c make | tee x", "RUN make | tee x"),
    ("/bin/bash -euxo pipefail -c make", "RUN make"),
    ("cmd /S /C dir", "RUN dir"),
    ("powershell -Command $x = 1", "RUN $x = 1"),
    ("|1 TOKEN=secret /bin/sh -c make", "RUN make"),
    ("|2 A=b c D=e /bin/sh -c make x", "RUN make x"),
    ("|1 A=b /bin/bash -c make", "RUN make"),
    ("RUN /bin/sh -c make # buildkit", "RUN make"),
    ("RUN |1 TOKEN=secret /bin/sh -c make # buildkit", "RUN make"),
    ("RUN make all # buildkit", "RUN make all"),
    ("COPY --from=x /a /b # buildkit", "COPY --from=x /a /b"),
    ("EXPOSE map[80/tcp:{} 53/udp:{}]", "EXPOSE 80/tcp 53/udp"),
    ("VOLUME [/a /b]", 'VOLUME ["/a", "/b"]'),
    ("SHELL [/bin/bash -o pipefail -c]", 'SHELL ["/bin/bash", "-o", "pipefail", "-c"]'),
    ("ENTRYPOINT []", "ENTRYPOINT []"),
    (NOP + r' CMD ["a\x41" "b"]', r'CMD ["a\\x41", "b"]'),
    ('HEALTHCHECK &{["CMD-SHELL" "[ -f x ] || exit \\"1\\""] "30s" "0s" \'\\x00\'}', 'HEALTHCHECK CMD [ -f x ] || exit "1"'),
    ('HEALTHCHECK &{["CMD" "/x" "]"] "0s"}', 'HEALTHCHECK CMD ["/x", "]"]'),
    ('HEALTHCHECK &{["NONE"] "0s"}', "HEALTHCHECK NONE"),
    ("ENV JAVA_OPTS=-Dx=1 -Dy=2 HOME=/root", "ENV JAVA_OPTS='-Dx=1 -Dy=2' HOME='/root'"),
    ("ENV MSG=it's $5", 'ENV MSG="it\'s \\$5"'),
    ("ENV A b", "ENV A b"),
]  # fmt: skip


@pytest.mark.parametrize(("written", "meant"), TEXTS, ids=[written for written, _ in TEXTS])
def test_instructions_are_read_back(written: str, meant: str) -> None:
    found = from_history([HistoryEntry(created_by=written)])
    assert found is not None
    assert found.is_guessed
    (instruction,) = found.final
    assert " ".join((instruction.keyword, *instruction.flags, instruction.value)) == meant
    assert (instruction.text, instruction.line) == (meant, 0)


@pytest.mark.parametrize(
    "written",
    ["", "apko", "bazel build //x", "jib-maven-plugin:3.3.0", "ko build ko://example.com/x", "# debian.sh --arch 'amd64' out/", "RUN",
     "/bin/sh -c", "/bin/sh -c #(nop) NONSENSE x", "ENV", "EXPOSE map[]", "/pause"],
)  # fmt: skip
def test_what_is_no_instruction_is_left_out(written: str) -> None:
    assert from_history([HistoryEntry(created_by=written)]) is None


def test_a_history_gives_one_stage_without_a_base() -> None:
    texts = [NOP + " ENV A=1", "apko", NOP + " USER u", "EXPOSE map[80/tcp:{}]"]
    found = from_history(HistoryEntry(created_by=text) for text in texts)
    assert found is not None
    assert [stage.base for stage in found.stages] == [""]
    assert base_images(found) == ()
    result = effective(found, None)
    assert (result.user, result.env, [port.ports.text for port in result.exposed_ports]) == (
        "u",
        {"A": "1"},
        ["80/tcp"],
    )


PIECES = st.sampled_from(
    [NOP, "|1 ", "|99 A=b ", "RUN ", "ENV ", "HEALTHCHECK ", "&{[", "map[", '"', "\\", "'", "CMD ", "[", "]", "/bin/sh -c ", "x=", " ",
     "\n", "80/tcp:{}", "ONBUILD ", "EXPOSE ", "FROM ", "# buildkit", "$A"]
)  # fmt: skip


@given(st.lists(st.lists(PIECES, max_size=6).map("".join), max_size=4))
def test_any_history_is_read(texts: list[str]) -> None:
    found = from_history(HistoryEntry(created_by=text) for text in texts)
    if found is not None:
        effective(found, None)
        assert all(evidence(each) for each in found.final)
