"""Benchmarks: pairs of us and a named peer, measured in turn in one process, reported as ratios."""
