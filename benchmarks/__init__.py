"""Scripts that print the figures the README quotes; each runs as ``python -m benchmarks.<name>``."""
