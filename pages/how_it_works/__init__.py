"""The parts of the page "How it works", one file each."""
