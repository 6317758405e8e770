"""Dockerfiles: how an image was built, or how its history suggests it was.

The terms are those of the Dockerfile reference (docs.docker.com/reference/dockerfile).
"""

from __future__ import annotations

import msgspec


class Heredoc(msgspec.Struct, frozen=True, kw_only=True):
    """A here-document of an instruction: the word that ends it, its lines as one text, and whether variables are left unexpanded.

    The tabs that `<<-` strips are not in the text.
    """

    name: str
    text: str
    is_quoted: bool = False


class Instruction(msgspec.Struct, frozen=True, kw_only=True):
    """One instruction. `keyword` is in capitals, `flags` begin with `--`, `value` is the rest with continuation lines joined.

    `line` counts from 1 and is 0 if there is no file. `text` is the instruction as it was written, with its line breaks.
    """

    keyword: str
    value: str
    flags: tuple[str, ...] = ()
    heredocs: tuple[Heredoc, ...] = ()
    line: int = 0
    text: str = ""


class Stage(msgspec.Struct, frozen=True, kw_only=True):
    """A build stage, which begins with a FROM. `base` is an image's reference, another stage's name or `scratch`, with build arguments
    filled in.

    `name` is "" for a stage without one. `instructions` begin with the FROM itself.
    """

    base: str
    name: str = ""
    platform: str = ""
    instructions: tuple[Instruction, ...] = ()


class Dockerfile(msgspec.Struct, frozen=True, kw_only=True):
    """A complete Dockerfile. `is_guessed`: it was reconstructed from an image's history. `head` are the ARGs before the first FROM.

    `directives` are the parser directives at the top, by their names in small letters: syntax, escape, check.
    """

    stages: tuple[Stage, ...]
    head: tuple[Instruction, ...] = ()
    directives: dict[str, str] = {}
    is_guessed: bool = False

    @property
    def escape(self) -> str:
        """The character that continues lines and escapes the next character."""
        return self.directives.get("escape", "\\")

    def named(self, name: str, before: int) -> int | None:
        """The position of the stage that a FROM in stage `before` refers to by name; None if it refers to an image. Case is ignored."""
        places = range(min(before, len(self.stages)) - 1, -1, -1)
        return next((i for i in places if self.stages[i].name and self.stages[i].name.lower() == name.lower()), None)

    @property
    def final(self) -> tuple[Instruction, ...]:
        """The instructions that build the image itself: those of the stages it is based on, then those of the last stage."""
        chain: list[Stage] = []
        index: int | None = len(self.stages) - 1 if self.stages else None
        while index is not None:
            chain.append(self.stages[index])
            index = self.named(self.stages[index].base, index)
        return tuple(instruction for stage in reversed(chain) for instruction in stage.instructions)
