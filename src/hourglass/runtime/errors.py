"""Errors a consumer can mend."""


class InputError(ValueError):
    """Rows, or a model's folder, that can't be used; the message says what was expected."""
