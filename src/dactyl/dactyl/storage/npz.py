"""Files of numpy arrays."""

from __future__ import annotations

from pathlib import Path

import numpy as np

from dactyl.errors import DactylError
from dactyl.storage.documents import first_line


def read(path: Path, what: str) -> dict[str, np.ndarray]:
    """Every array of an .npz file, by its name.

    Args:
        path: of the file.
        what: it is, for messages: "the recording".

    Raises:
        DactylError: it cannot be read, or is none.
    """
    try:
        with np.load(path, allow_pickle=False) as file:
            arrays = {name: file[name] for name in file.files}
    except OSError as error:
        raise DactylError(f"cannot read {what} {path}: {error.strerror or first_line(error)}") from error
    except Exception as error:  # numpy and zipfile raise what damage makes them stumble over
        raise DactylError(f"cannot read {what} {path}: {first_line(error)}") from error
    if other := [name for name, array in arrays.items() if not isinstance(array, np.ndarray)]:
        raise DactylError(f"cannot read {what} {path}: {other[0]} is no array")
    return arrays
