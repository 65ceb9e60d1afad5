"""Which renderers an estimator knows: the one that it was trained on most, and another, held out or not."""

from __future__ import annotations

from dactyl.errors import DactylError
from dactyl.vision.estimator import Estimator
from dactyl.vision.renderers import RENDERERS

SOURCES = ("training", "held-out", "second")
"""The renderer that an estimator was trained on most, and the other one, with shadows where it can draw them: held out,
or the second that it was trained on."""


def sources_of(estimator: Estimator) -> tuple[str, ...]:
    """Those of SOURCES that there are for an estimator."""
    return ("training", "second" if len(estimator.contract.renderers) > 1 else "held-out")


def renderer_of(estimator: Estimator, source: str) -> str:
    """The renderer that one of SOURCES is for an estimator: which ones it was trained on its file says.

    Raises:
        DactylError: there is none, because it was trained on both or on one only, or on one that is unknown here.
    """
    trained_on = estimator.contract.renderers
    if unknown := [name for name in trained_on if name not in RENDERERS]:
        raise DactylError(f"the estimator was trained on pictures of {unknown[0]!r}, which is no renderer here")
    if source not in (there := sources_of(estimator)):
        raise DactylError(
            f"the estimator was trained on pictures of {' and '.join(trained_on)}: there is no renderer that is "
            f"{source}; choose {' or '.join(there)}"
        )
    (other,) = set(RENDERERS) - {trained_on[0]}
    return trained_on[0] if source == "training" else other
