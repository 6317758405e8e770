"""Instructions in the form that people and patterns see, without texts that may be secret."""

from __future__ import annotations

from hullmark.model.dockerfile import Instruction
from hullmark.model.verdict import Evidence
from hullmark.policy.dockerfile.parse import on_build
from hullmark.policy.dockerfile.words import pairs, split_words

_LONGEST = 200


def variables_of(instruction: Instruction, escape: str = "\\") -> dict[str, str]:
    """The names that an ENV sets or an ARG declares, with their values as written ("" if they have none)."""
    if instruction.keyword == "ENV":
        return dict(pairs(instruction.value, escape))
    if instruction.keyword == "ARG":
        return {name: value for name, _, value in (w.partition("=") for w in split_words(instruction.value, escape))}
    return {}


def format_instruction(instruction: Instruction) -> str:
    """The instruction on one line, cut if it is long. For ENV and ARG, only the names."""
    if instruction.keyword == "ONBUILD":
        return f"ONBUILD {format_instruction(on_build(instruction))}"[:_LONGEST]
    if instruction.keyword in ("ENV", "ARG"):
        return f"{instruction.keyword} {' '.join(variables_of(instruction))}"[:_LONGEST]
    return " ".join((instruction.keyword, *instruction.flags, instruction.value))[:_LONGEST]


def rest(instruction: Instruction) -> str:
    """Everything after the keyword on one line: flags, value, here-documents."""
    bodies = (heredoc.text for heredoc in instruction.heredocs)
    return " ".join((*instruction.flags, instruction.value, *bodies)).replace("\n", " ")


def evidence(instruction: Instruction | None) -> tuple[Evidence, ...]:
    """Where the instruction can be seen: `Dockerfile:LINE`, or only its text if there is no file."""
    if instruction is None:
        return ()
    place = f"Dockerfile:{instruction.line}" if instruction.line else ""
    return (Evidence(created_by=format_instruction(instruction), detail=place),)
