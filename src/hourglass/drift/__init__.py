"""Drift: what a model's rows were like when it was made, what they are like now, and whether that is chance."""
