"""The judge against the rules of other tools, on the same simulated streams. Run: ``python -m benchmarks.race``."""
