"""The parts of the Evaluate page, one file each."""
