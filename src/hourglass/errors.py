"""The one exception that is meant for people."""


class HourglassError(Exception):
    """A mistake its reader can mend.

    The message is one plain sentence or two: it names the file, column or key, says what was expected and what to
    do. The command line prints it without a traceback and exits with 1.
    """
