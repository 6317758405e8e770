"""The login for an endpoint: of a file of logins or its helpers, else of the cloud whose registry it is."""

from __future__ import annotations

from hullmark.source.credentials import NOBODY, Credentials, auth_files, find_credentials
from hullmark.source.endpoints import Endpoint
from hullmark.source.source import SourceOptions


def credentials_for(endpoint: Endpoint, options: SourceOptions) -> Credentials:
    """Who we are at an endpoint; NOBODY if nobody knows. Raises HullmarkError as those do."""
    files = auth_files(options.environment) if options.auth_files is None else options.auth_files
    found = find_credentials(endpoint.login, endpoint.repository, files, options.environment)
    is_checked = endpoint.schemes == ("https",) and not endpoint.insecure and not options.insecure
    if found or options.cloud_logins is None or not is_checked:
        return found
    return options.cloud_logins.find(endpoint.host) or NOBODY
