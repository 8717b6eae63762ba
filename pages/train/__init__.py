"""The parts of the Train page, one file each."""
