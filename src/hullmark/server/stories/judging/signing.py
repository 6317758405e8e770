"""Verdicts in force as signed statements. Each is made when it is asked for, of what holds then: one that changed is issued anew, and one
that no longer passes revokes those before it."""

from __future__ import annotations

import os
from datetime import datetime, timedelta

import msgspec

from hullmark.app.signers import signer_named
from hullmark.app.statements import state
from hullmark.model.errors import HullmarkError
from hullmark.model.verdict import Verdict
from hullmark.proof.bundle import write_bundle
from hullmark.proof.verdict_statement import Circumstances, expiry, in_text
from hullmark.server.stories.settings import Settings
from hullmark.source.manifest import OCI_MANIFEST, Descriptor
from hullmark.source.reference import parse_reference


def signed(verdict: Verdict, name: str, circumstances: Circumstances, settings: Settings, now: datetime) -> bytes:
    """A verdict that holds now as a Sigstore bundle. `name` is the image's reference ("": it has none). Raises HullmarkError where the key
    cannot be used."""
    signer = signer_named(settings.signing_key, os.environ)
    now = now.replace(microsecond=0)
    inputs = msgspec.structs.replace(verdict.inputs, at=in_text(now))
    standing = msgspec.structs.replace(verdict, inputs=inputs)
    subjects = (Descriptor(inputs.image, 0, OCI_MANIFEST),)
    payload = state(
        standing, subjects, _repository(name), expiry(now, timedelta(seconds=settings.signed_for)), circumstances
    )
    return write_bundle(payload, signer)[0]


def _repository(name: str) -> str:
    try:
        reference = parse_reference(name)
    except HullmarkError:
        return ""
    return f"{reference.host}/{reference.repository}"
