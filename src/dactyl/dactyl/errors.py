"""The one exception for a user's mistake."""


class DactylError(Exception):
    """Something the user can mend: one line saying what is wrong and why. The command line prints it and exits 1."""
