"""What scores are made of."""
