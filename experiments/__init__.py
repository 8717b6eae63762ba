"""Scripts whose tables docs/model.md quotes; each runs as ``python -m experiments.<name>``."""
