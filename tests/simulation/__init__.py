"""Whole sessions on virtual time, against a simulated provider, user and devices, by seed.

``python -m tests.simulation --seed 4711 --verbose`` replays one seed with a trace;
``make simulate SEEDS=100000`` runs many. Nothing here looks at a real clock, a real random number or
the order of a hash table: a seed always runs the same way.
"""
