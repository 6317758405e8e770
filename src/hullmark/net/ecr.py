"""Amazon's registries by their hosts (https://docs.aws.amazon.com/AmazonECR/latest/userguide/Registries.html)."""

from __future__ import annotations

import re
from typing import NamedTuple

_ECR = re.compile(
    r"([0-9]{12})\.dkr(?:\.ecr|-ecr)(?:-fips)?\.([a-z0-9-]{1,40})\."
    r"(?:amazonaws\.com|amazonaws\.com\.cn|amazonaws\.eu|on\.aws|on\.amazonwebservices\.com\.cn)"
).fullmatch


class EcrRegistry(NamedTuple):
    """Whose registry of ECR's, and where."""

    account: str
    region: str


def ecr_registry(host: str) -> EcrRegistry | None:
    """The registry of ECR's that a host is; None for another's."""
    found = _ECR(host)
    return EcrRegistry(found[1], found[2]) if found is not None else None
