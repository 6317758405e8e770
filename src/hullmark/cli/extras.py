"""Parts of the program that need more to be installed."""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import contextmanager


@contextmanager
def server_extra() -> Iterator[None]:
    """While the server's modules are imported: what is missing becomes an error that says what to install."""
    from hullmark.model.errors import HullmarkError

    try:
        yield
    except ModuleNotFoundError as error:
        if (error.name or "").partition(".")[0] == "hullmark":
            raise
        raise HullmarkError(
            f"the server is not installed: {error.name} is missing", advice="install it: pip install 'hullmark[server]'"
        ) from error


@contextmanager
def containerd_extra() -> Iterator[None]:
    """While what speaks to containerd is imported: what is missing becomes an error that says what to install."""
    from hullmark.model.errors import HullmarkError

    try:
        yield
    except ModuleNotFoundError as error:
        if (error.name or "").partition(".")[0] == "hullmark":
            raise
        advice = "install it: pip install 'hullmark[containerd]'"
        raise HullmarkError(f"containerd cannot be asked: {error.name} is missing", advice=advice) from error


@contextmanager
def mcp_extra() -> Iterator[None]:
    """While what speaks the Model Context Protocol is imported: what is missing becomes an error that says what to install."""
    from hullmark.model.errors import HullmarkError

    try:
        yield
    except ModuleNotFoundError as error:
        if (error.name or "").partition(".")[0] == "hullmark":
            raise
        advice = "install it: pip install 'hullmark[mcp]'"
        raise HullmarkError(f"assistants cannot be answered: {error.name} is missing", advice=advice) from error
