"""Settings of a start that lie behind a limit: sshd is told to look up names."""

from __future__ import annotations

from tests.walk.look import Look

_FILES = {"etc/ssh/sshd_config": b"UseDNS no\n"}
_RULE = "gate: configuration, trigger: must_not_be, params: {setting: sshd.UseDNS, values: [yes]}"
_PLAIN = "sshd -oUseDNS=yes"


def _started(number: int, padded: tuple[str, ...], plain: tuple[str, ...] = ("sshd", "-oUseDNS=yes")) -> Look:
    return Look(_RULE, number, _FILES, _FILES, cmd=padded, plain_cmd=plain)


def _shell(number: int, padded: str, plain: str = _PLAIN) -> Look:
    return _started(number, ("sh", "-c", padded), ("sh", "-c", plain))


LOOKS: dict[tuple[str, str], Look] = {
    (f"hullmark.facets.configuration.{module}", name): look
    for module, name, look in (
        ("shell_expansion", "MAX_LENGTH", _shell(len("-oUseDNS=yes"), f"{_PLAIN}'  '")),
        ("shell_expansion", "MAX_WORDS", _shell(2, "sshd -D -e -o UseDNS=yes")),
        ("shell_run", "_MAX_CALLS", _shell(0, f"f() {{ {_PLAIN}; }}; f")),
        ("shell_run", "_MAX_DEPTH", _shell(1, f"{{ {_PLAIN}; }}")),
        ("shell_run", "_MAX_STEPS", _shell(1, f"true; {_PLAIN}")),
        ("shell_syntax", "MAX_SCRIPT", _shell(len(_PLAIN), f"{_PLAIN} # {_PLAIN}")),
        (
            "shell_ways",
            "MAX_WAYS",
            _shell(1, 'if grep a b; then set -- -oUseDNS=yes; else set -- -D; fi; exec sshd "$@"'),
        ),
        ("shell_words", "MAX_NESTED", _shell(1, f"{{ {_PLAIN}; }}")),
        ("start", "_MAX_COMMANDS", _shell(1, f"sshd -t; {_PLAIN}")),
        ("start", "_MAX_DEPTH", _started(1, ("nice", "sshd", "-oUseDNS=yes"))),
    )
}
