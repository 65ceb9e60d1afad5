"""The one exception for a user's mistake, and the exit code of a node that met it at its start."""

WRONG_PARAMETER = 2
"""Exit code of a node that cannot start as configured: the run ends, for starting it again would not help."""


class DactylError(Exception):
    """Something the user can mend: one line saying what is wrong and why. The command line prints it and exits 1."""


class WrongArgumentError(DactylError):
    """An argument that cannot be: known before any work. The command line exits with 2."""
