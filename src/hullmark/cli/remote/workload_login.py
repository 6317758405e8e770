"""A CI job's own token, and ours in exchange for it.

GitHub Actions hands out tokens at an address that it names in the environment (permission `id-token: write`); GitLab puts them into
variables that `.gitlab-ci.yml` names (`id_tokens`), for which we take HULLMARK_ID_TOKEN; so may anything else.
"""

from __future__ import annotations

from typing import TYPE_CHECKING
from urllib.parse import quote

import msgspec

from hullmark.cli.remote.connection import http_settings
from hullmark.model.errors import HullmarkError
from hullmark.model.limit import Limit

if TYPE_CHECKING:
    from hullmark.cli.settings import Settings
    from hullmark.net.api_client import ApiClient

OWN, GITHUB_URL, GITHUB_TOKEN = "HULLMARK_ID_TOKEN", "ACTIONS_ID_TOKEN_REQUEST_URL", "ACTIONS_ID_TOKEN_REQUEST_TOKEN"
_LARGEST_ANSWER = Limit(1 << 16, "bytes of what a CI platform answers when it is asked for a token", "refused")


class _GitHubsAnswer(msgspec.Struct):
    value: str


def exchange_token(api: ApiClient, settings: Settings, account: str, audience: str) -> str:
    """A short-lived token of the server for the job's own. Raises HullmarkError."""
    if not account:
        raise HullmarkError(
            "which account is the job to act in?", advice="name it: --account NAME, or HULLMARK_ACCOUNT"
        )
    document = {"subject_token": workload_token(settings, audience), "account": account}
    return str(api.json("POST", "/tokens/exchange", document=document)["access_token"])


def workload_token(settings: Settings, audience: str, own: str = OWN) -> str:
    """The token that the platform gives the job, or that the variable `own` holds. Raises HullmarkError where there is none, NetError."""
    environment = settings.environment
    if token := environment.get(own, "").strip():
        return token
    url, bearer = environment.get(GITHUB_URL, ""), environment.get(GITHUB_TOKEN, "")
    if not url or not bearer:
        raise HullmarkError(
            "this job has no token of its platform",
            advice=f"GitHub: permissions: id-token: write; GitLab: id_tokens with {own}; docs/how-to/gate-in-ci.md",
        )
    return _of_github(url, bearer, audience, settings)


def _of_github(url: str, bearer: str, audience: str, settings: Settings) -> str:
    from hullmark.net.http import Client, Request

    address = f"{url}{'&' if '?' in url else '?'}audience={quote(audience, safe='')}"
    headers = {"Authorization": f"Bearer {bearer}", "Accept": "application/json"}
    answer = Client(http_settings(settings)).fetch(Request(address, headers), _LARGEST_ANSWER)
    try:
        if answer.status == 200:
            return msgspec.json.decode(answer.body, type=_GitHubsAnswer).value
    except msgspec.DecodeError:
        pass
    raise HullmarkError(
        f"GitHub gives this job no token: status {answer.status}",
        advice="permissions: id-token: write; check the workflow",
    )
