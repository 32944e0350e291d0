"""The composition root: binds the ports and gives the app and the command line their session.

Importing this package is cheap; sound, sockets and the engine are loaded at their first use.
"""

from __future__ import annotations

from neko_cli.wiring.composition import Composition, compose
from neko_cli.wiring.options import Options

__all__ = ["Composition", "Options", "compose"]
