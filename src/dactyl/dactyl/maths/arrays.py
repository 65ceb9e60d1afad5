"""Constants that follow the arrays they are used with."""

from __future__ import annotations

from typing import Any

import numpy as np
from array_api_compat import array_namespace, device

from dactyl.maths.quaternion import Array


class Constant:
    """Numbers copied once to each namespace, device and type: every copy to a GPU would make the host wait for it."""

    def __init__(self, values: np.ndarray) -> None:
        self._values = values
        self._copies: dict[tuple[Any, ...], Array] = {}

    def like(self, array: Array) -> Array:
        """The numbers in the namespace, on the device and of the type of `array`; not to be written to."""
        if isinstance(array, np.ndarray) and array.dtype == self._values.dtype:
            return self._values  # in the nodes, hundreds of times a second
        xp = array_namespace(array)
        key = (xp.__name__, str(device(array)), str(array.dtype))
        if key not in self._copies:
            self._copies[key] = xp.asarray(self._values, dtype=array.dtype, device=device(array))
        return self._copies[key]
