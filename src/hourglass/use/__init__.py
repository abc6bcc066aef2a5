"""A trained model at work: files in, what the model makes of them out.

Needs the runtime alone, and MLflow where a model comes from a registry.
"""
