"""What the Classify page shows beyond the verdict: maps side by side, how far they can be believed, and what damage does to the verdict."""
