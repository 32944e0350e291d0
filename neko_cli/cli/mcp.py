"""``neko mcp``: an MCP server over standard input and output, by which coding agents reach the chat."""

from __future__ import annotations

import typer

from neko_cli.cli.exits import Exit
from neko_cli.cli.groups import CONTEXT, examples
from neko_cli.cli.options import Debug
from neko_cli.core.errors import ConfigError

app = typer.Typer(rich_markup_mode=None, add_completion=False, context_settings=CONTEXT)


@app.command(epilog=examples("neko mcp"))
def mcp(debug: Debug = False) -> int:
    """Be an MCP server over standard input and output, for coding agents.

    Its tools reach the running chat: notify (the character tells something), ask_user (the character
    asks you by voice, and your next words are the answer), list_sessions. An agent is told to start it
    as a program, for instance by: claude mcp add neko -- neko mcp.
    """
    import asyncio

    from neko_cli.cli.wanted import start_log
    from neko_cli.services.folders import Folders
    from neko_cli.services.mcp_server import make_server, serve

    folders = Folders.find()
    start_log(folders, debug=debug)
    try:
        server = make_server(folders.run)
    except ImportError:
        raise ConfigError(
            "An MCP server needs the package mcp.", hint="pip install 'neko-cli[mcp]' brings it."
        ) from None
    # Ctrl-C leaves at once: nothing needs to be cleaned up, and the thread that reads cannot be stopped.
    asyncio.run(serve(server))
    return Exit.OK
