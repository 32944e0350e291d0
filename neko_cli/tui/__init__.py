"""The terminal app: what you see of a session. It knows ``neko_cli.core`` alone.

``neko_cli.tui.app`` has the app, ``neko_cli.tui.run`` runs it and answers signals.
"""
