"""neko: a terminal voice client for realtime speech models."""

__version__ = "0.1.0"
