"""Figure 10 from distributed runs: rollout workers and an optimizer apart, on Ray."""

from __future__ import annotations

from dactyl.reproduction.experiments.figure_10 import APART, experiment

EXPERIMENT = experiment("figure-10-ray", "Figure 10, on Ray", APART)
