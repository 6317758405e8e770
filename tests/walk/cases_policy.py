"""Build instructions, ports and licences that lie behind a limit of what rules look at."""

from __future__ import annotations

from tests.walk.look import Look

_COMMANDS = "gate: dockerfile, trigger: commands, params: {forbidden: [evil]}"
_PORTS = 'gate: dockerfile, trigger: exposed_ports, params: {forbidden: ["2"]}'
_BASES = 'gate: dockerfile, trigger: base_image, params: {forbidden: ["evil*"]}'
_LICENCES = 'gate: licences, trigger: forbidden, params: {names: ["AGPL-3.0*"]}'
_RUN = "RUN /bin/sh -c "
_DOCKERFILE = "hullmark.policy.dockerfile."


def _built(number: int, padded: str, rule: str = _BASES, plain: str = "FROM evil\n") -> Look:
    return Look(rule, number, {}, {}, dockerfile=padded, plain_dockerfile=plain)


def _licensed(number: int, padded: str, plain: str = "AGPL-3.0-only") -> Look:
    def metadata(licence: str) -> dict[str, bytes]:
        text = f"Metadata-Version: 2.1\nName: a\nVersion: 1.0\nLicense: {licence}\n\n"
        return {"usr/lib/python3/site-packages/a-1.0.dist-info/METADATA": text.encode()}

    return Look(_LICENCES, number, metadata(padded), metadata(plain))


LOOKS: dict[tuple[str, str], Look] = {
    (_DOCKERFILE + "history", "MAX_INSTRUCTION"): Look(
        _COMMANDS, 30, {}, {}, history=(_RUN + "aaaaaaaaaaaaaaaaaa; evil",), plain_history=(_RUN + "evil",)
    ),
    (_DOCKERFILE + "parse", "MAX_INSTRUCTIONS"): Look(
        _COMMANDS, 1, {}, {}, history=(_RUN + "a", _RUN + "evil"), plain_history=(_RUN + "evil",)
    ),
    (_DOCKERFILE + "effective", "_MAX_PORTS"): _built(1, "FROM a\nEXPOSE 1 2\n", _PORTS, "FROM a\nEXPOSE 2\n"),
    (_DOCKERFILE + "effective", "_MAX_VARIABLES"): _built(
        1, "FROM a\nENV A=222\nENV B=2\nEXPOSE $B\n", _PORTS, "FROM a\nEXPOSE 2\n"
    ),
    (_DOCKERFILE + "parse", "_MAX_ARGUMENTS"): _built(1, "ARG A=a\nARG B=evil\nFROM $B\n"),
    (_DOCKERFILE + "words", "MAX_EXPANDED"): _built(5, "ARG A=evil\nFROM $A$A\n"),
    (_DOCKERFILE + "words", "_MAX_DEPTH"): _built(0, "FROM ${A:-${B:-evil}}\n"),
    (_DOCKERFILE + "words", "_MAX_PATTERNS"): _built(0, "ARG A=aevil\nFROM ${A#a}\n"),
    (_DOCKERFILE + "words", "_LONGEST_PATTERN"): _built(1, "ARG A=aevil\nFROM ${A#a}\n"),
    ("hullmark.model.licences.terms", "MAX_GROUPS"): _licensed(0, "MIT AND (BSD-2-Clause AND AGPL-3.0-only)"),
    ("hullmark.model.licences.terms", "MAX_TEXT"): _licensed(20, "MIT AND BSD-2-Clause AND AGPL-3.0-only"),
}
