"""The one exception for a user's mistake, and the exit code of a node that met it at its start."""

from collections.abc import Iterable
from difflib import get_close_matches

WRONG_PARAMETER = 2
"""Exit code of a node that cannot start as configured: the run ends, for starting it again would not help."""


class DactylError(Exception):
    """Something the user can mend: one line saying what is wrong and why. The command line prints it and exits 1."""


class MissingPackageError(DactylError):
    """A package that only some robot, task or object needs is not installed; says how to get it."""


class WrongArgumentError(DactylError):
    """An argument that cannot be: known before any work. The command line exits with 2."""


def choose_from(name: object, known: Iterable[str]) -> str:
    """For the end of a message about an unknown name: the one that was meant, if any is near, or all that there are."""
    names = list(known)
    return did_you_mean(name, names) or f"there are: {', '.join(names) or 'none'}"


def did_you_mean(name: object, known: Iterable[str]) -> str:
    """A question about the nearest name; empty where none is near."""
    near = get_close_matches(str(name), list(known), n=1)
    return f"did you mean {near[0]}?" if near else ""
