"""Regular expressions that are compiled when they are first used, as catalogers have them."""

from __future__ import annotations

from hullmark.model.late import late

__all__ = ["late"]
