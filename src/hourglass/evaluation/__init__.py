"""What a model is worth, measured on rows that it was not fitted to."""
