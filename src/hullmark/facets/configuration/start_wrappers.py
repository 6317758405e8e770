"""Programs that start another program in their place: init processes, changes of user, of environment or of priority."""

from __future__ import annotations

from collections.abc import Mapping
from typing import NamedTuple

import msgspec

from hullmark.facets.configuration.shell_expansion import StartWord


class _Wrapper(NamedTuple):
    """`valued` are options whose value is the next word, `own` is how many words of its own stand before the program."""

    valued: frozenset[str] = frozenset()
    own: int = 0
    assigns: bool = False


def _wrapper(valued: str = "", own: int = 0, *, assigns: bool = False) -> _Wrapper:
    return _Wrapper(frozenset(valued.split()), own, assigns)


_WRAPPERS: Mapping[str, _Wrapper] = {
    **dict.fromkeys(("tini", "tini-static", "docker-init"), _wrapper("-p -e")),
    "dumb-init": _wrapper("-r --rewrite"),
    "catatonit": _wrapper(),
    **dict.fromkeys(
        ("gosu", "su-exec", "s6-setuidgid", "s6-envuidgid", "setuidgid", "envdir", "s6-envdir"), _wrapper(own=1)
    ),
    "chpst": _wrapper("-u -U -b -e -/ -C -n -l -L -m -d -o -p -f -c -t"),
    "setpriv": _wrapper(
        "--reuid --regid --groups --inh-caps --ambient-caps --bounding-set --securebits --pdeathsig --selinux-label"
        " --apparmor-profile --ruid --euid --rgid --egid --umask"
    ),
    "env": _wrapper("-u --unset -C --chdir -a --argv0", assigns=True),
    "nice": _wrapper("-n --adjustment"),
    "ionice": _wrapper("-c -n --class --classdata"),
    "chrt": _wrapper("", 1),
    "stdbuf": _wrapper("-i -o -e --input --output --error"),
    "timeout": _wrapper("-s -k --signal --kill-after", 1),
    "taskset": _wrapper("", 1),
    "sudo": _wrapper("-u -g -h -C -p -r -t -D -T --user --group", assigns=True),
    "doas": _wrapper("-u -C"),
    "runuser": _wrapper("-u --user -g --group -G"),
    **dict.fromkeys(("nohup", "setsid", "with-contenv", "s6-notifyoncheck", "time", "numactl", "ltrace"), _wrapper()),
    "dockerize": _wrapper("-template -wait -timeout -wait-retry-interval -stdout -stderr -delims -env"),
}
_AFTER_DASHES = frozenset(("wait-for-it.sh", "wait-for-it", "wait-for", "wait-for.sh", "wait4x", "wait-for-port"))


class InnerCommand(msgspec.Struct):
    """What a wrapper starts. `words` None: it cannot be told what; empty: nothing. `is_clean`: without the environment around it."""

    words: list[StartWord] | None
    environment: dict[str, StartWord] = {}
    is_clean: bool = False


def unwrap_command(name: str, words: list[StartWord]) -> InnerCommand | None:
    """What the program of this name, given all its words, starts; None for one that is not known as a wrapper."""
    if name in _AFTER_DASHES:
        at = next((i for i, word in enumerate(words) if word.text == "--"), len(words))
        return InnerCommand(words[at + 1 :])
    if name in ("su", "runuser") and (inner := _as_user(words)) is not None:
        return InnerCommand(inner)
    if name == "start-stop-daemon":
        return InnerCommand(_daemon(words))
    wrapper = _WRAPPERS.get(name)
    return None if wrapper is None else _inner(wrapper, words)


def _inner(wrapper: _Wrapper, words: list[StartWord]) -> InnerCommand:
    found = InnerCommand([])
    at, own, has_options = 1, wrapper.own, True
    while at < len(words):
        word = words[at]
        if word.text is None or (has_options and word.text in ("-S", "--split-string")):
            return InnerCommand(None)
        if has_options and word.text == "--":
            has_options = False
        elif has_options and word.text[:1] == "-":
            found.is_clean |= wrapper.assigns and word.text in ("-i", "-", "--ignore-environment")
            at += word.text in wrapper.valued
        elif wrapper.assigns and "=" in word.text:
            variable, _, value = word.text.partition("=")
            found.environment[variable] = StartWord(value, word.path, word.line)
        elif own:
            own -= 1
        else:
            found.words = words[at:]
            break
        at += 1
    return found


def _as_user(words: list[StartWord]) -> list[StartWord] | None:
    """The command that `su` or `runuser` is given for a shell."""
    for i, word in enumerate(words[:-1]):
        if word.text in ("--", "-u", "--user"):
            return None
        if word.text in ("-c", "--command"):
            shell = StartWord("sh", word.path, word.line)
            return [shell, StartWord("-c", word.path, word.line), words[i + 1]]
    return None


def _daemon(words: list[StartWord]) -> list[StartWord] | None:
    """The program of start-stop-daemon, with the arguments after `--`."""
    program: StartWord | None = None
    for i, word in enumerate(words):
        if word.text == "--":
            return [program, *words[i + 1 :]] if program is not None else None
        if word.text in ("-x", "--exec", "-a", "--startas") and i + 1 < len(words):
            program = words[i + 1]
        elif word.text is not None and word.text.startswith(("--exec=", "--startas=")):
            program = StartWord(word.text.partition("=")[2], word.path, word.line)
        elif word.text in ("-K", "--stop", "-T", "--status"):
            return []
    return [program] if program is not None else None
