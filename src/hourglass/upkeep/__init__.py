"""Keeping a project sound: what is damaged on disk, and what is wrong around it."""
