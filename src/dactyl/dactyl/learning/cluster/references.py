"""Reading what Ray's references stand for."""

from __future__ import annotations

from typing import Any

import ray
from ray.exceptions import RayTaskError

from dactyl.errors import DactylError


def get(reference: Any) -> Any:
    """The value, once it is there.

    Raises:
        DactylError: as it was raised far away, without Ray's account of it.
        RayActorError: whoever was to give it is lost.
    """
    try:
        return ray.get(reference)
    except RayTaskError as error:
        cause = error.cause
        while isinstance(cause, RayTaskError):
            cause = cause.cause
        if isinstance(cause, DactylError):
            raise DactylError(str(cause)) from error
        raise
