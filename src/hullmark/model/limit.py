"""Limits: bounds on hostile input, with what they bound and what happens beyond them.

`docs/reference/limits.md` is generated from all limits in the program.
"""

from __future__ import annotations

from typing import Literal

Effect = Literal["later", "refused", "shortened", "unseen"]
"""What happens beyond a limit.

`unseen`: the rest is not seen, a problem of the kind `unseen` says so, and no rule that looks there can tell. `refused`: the whole input
is refused (exit status 2, or an error of the API). `shortened`: only what is shown is cut short; verdicts are what they are without it.
`later`: the rest is done afterwards, in parts.
"""


class BeyondLimit(ValueError):
    """The input exceeds a limit, and the part beyond it is not read. The message names that part, as a clause."""


class Limit(int):
    """A number that bounds input.

    `what` is what is counted, with its unit (`bytes of a dpkg database`), `effect` is what happens beyond the limit, `option` is the option
    that changes it ("": there is none).
    """

    what: str
    effect: Effect
    option: str

    def __new__(cls, number: int, what: str, effect: Effect = "unseen", *, option: str = "") -> Limit:
        limit = super().__new__(cls, number)
        limit.what, limit.effect, limit.option = what, effect, option
        return limit

    def __getnewargs_ex__(self) -> tuple[tuple[int, str, Effect], dict[str, str]]:
        """Arguments for copying and pickling, so that copies keep all attributes."""
        return (int(self), self.what, self.effect), {"option": self.option}
