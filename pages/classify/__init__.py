"""What the Classify page shows: pictures with their verdicts, maps side by side and how faithful they are,
and what perturbations do to the verdict."""
