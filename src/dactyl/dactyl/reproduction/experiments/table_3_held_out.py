"""Table 3's row by vision, on pictures of a renderer that the estimator has never seen: as the paper judges it."""

from __future__ import annotations

from dactyl.reproduction.experiments.table_3_vision import HELD_OUT, experiment

EXPERIMENT = experiment("table-3-held-out", "Table 3, vision, held-out renderer", HELD_OUT)
