"""Verdicts in force as signed statements. Each is made when it is asked for, of what holds then: one that changed is issued anew, and one
that no longer passes revokes those before it."""

from __future__ import annotations

import os
from datetime import datetime, timedelta
from typing import NamedTuple

import msgspec

from hullmark.app.signers import signer_named
from hullmark.app.statements import SignedVerdict, state
from hullmark.model.verdict import Verdict
from hullmark.proof.bundle import write_bundle
from hullmark.proof.verdict_statement import Circumstances, expiry, in_text
from hullmark.server.stories.settings import Settings
from hullmark.source.manifest import Descriptor

_ACCOUNT = "{account}"
"""Stands in the setting for the account's name, so that each may have a key of its own. Names hold no slash and do not begin with a dot."""


class Signatory(NamedTuple):
    """For whom, and when, the server signs: its settings, the name of the account, and the moment."""

    settings: Settings
    account: str
    at: datetime


def sign_verdict(
    verdict: Verdict,
    subjects: tuple[Descriptor, ...],
    repository: str,
    circumstances: Circumstances,
    by: Signatory,
) -> SignedVerdict:
    """A verdict that holds now, signed. `repository` is where the image is, as HOST/PATH ("": nowhere). Raises
    HullmarkError where the key cannot be used."""
    settings, account, now = by
    signer = signer_named(settings.signing_key.replace(_ACCOUNT, account), os.environ)
    now = now.replace(microsecond=0)
    inputs = msgspec.structs.replace(verdict.inputs, at=in_text(now))
    standing = msgspec.structs.replace(verdict, inputs=inputs)
    payload = state(standing, subjects, repository, expiry(now, timedelta(seconds=settings.signed_for)), circumstances)
    bundle, envelope = write_bundle(payload, signer)
    return SignedVerdict(
        statement=payload,
        bundle=bundle,
        envelope=envelope,
        subjects=subjects,
        created=in_text(now),
        policy=f"{verdict.inputs.policy} {circumstances.environment}".rstrip(),
    )
