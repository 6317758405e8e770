"""`hullmark mcp`: what a server knows, for programs that speak the Model Context Protocol."""

from __future__ import annotations

import argparse

from hullmark.cli.server_options import add_server_options

NAME = "mcp"
HELP = "answer assistants that speak the Model Context Protocol"
EPILOG = """\
Started by a program, as an assistant or an editor, which asks over standard input and output (MCP, transport stdio). It only reads: images,
verdicts, findings, vulnerabilities, packages, places and policies, as far as the API key may. The key comes from `hullmark login` or
HULLMARK_API_KEY; one with the role viewer will do.

example, in the settings of such a program
  {"mcpServers": {"hullmark": {
    "command": "hullmark",
    "args": ["mcp", "--server", "https://hullmark.example.com"]}}}

"""


def add_arguments(parser: argparse.ArgumentParser) -> None:
    """The verb's own arguments."""
    add_server_options(parser, with_trust=True)


def run(arguments: argparse.Namespace) -> int:
    """Answer until standard input ends. Raises HullmarkError where no server is named, or the extra is not installed."""
    import gc

    from hullmark.cli.extras import mcp_extra
    from hullmark.cli.remote.connection import connect

    api = connect(arguments)
    with mcp_extra():
        from hullmark.cli.remote.mcp_server import serve
    gc.enable()  # it lives as long as the program that asks
    serve(api)
    return 0
