"""From raw files to the five splits on disk."""
