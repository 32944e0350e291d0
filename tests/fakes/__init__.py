"""Strict fakes for tests of the core: each fails when its script is not followed."""
