"""What gates go by: the verdicts in force, with tags, digests and grace."""

from __future__ import annotations

from typing import Annotated

import msgspec
from litestar import get
from litestar.di import NamedDependency
from litestar.params import QueryParameter

from hullmark.model.admission import AdmissionPage
from hullmark.server.api.caller import Caller
from hullmark.server.api.paging import cursor_of, values_in
from hullmark.server.stories.judging.admission import Position, page_after
from hullmark.server.stories.services import Services

_After = Annotated[
    str, QueryParameter(max_length=2000, description="`cursor` of the page before; left out: the list begins.")
]
_Limit = Annotated[int, QueryParameter(ge=1, le=1000, description="The most images to answer.")]


@get("/admission/verdicts", opt={"permission": "verdicts:read"}, summary="What gates go by")
async def list_admission_verdicts(
    services: NamedDependency[Services], caller: NamedDependency[Caller], after: _After = "", limit: _Limit = 500
) -> AdmissionPage:
    """The images with verdicts in force: all of them, then, by the same cursor, those that changed since. One without verdicts is not
    judged any more. Where a page `begins` a list, what is not in it is not judged; `is_last` says that there is no more for now: ask
    again with the same cursor after a while."""
    found = await page_after(services, caller.account_id, values_in(after, Position), limit)
    cursor = cursor_of(found.position) if found.position is not None else ""
    return msgspec.structs.replace(found.page, cursor=cursor)


ROUTES = [list_admission_verdicts]
