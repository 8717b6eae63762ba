"""Scripts that print the figures that README and docs quote; each runs as ``python -m benchmarks.<name>``."""
