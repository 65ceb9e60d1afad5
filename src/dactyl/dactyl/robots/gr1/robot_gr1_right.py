"""GR1T2 whose right arm and hand alone move: for tasks of one hand, in half the time."""

from dactyl.robots.gr1.joints import FOURIER
from dactyl.robots.gr1.robots import RIGHT, make

ROBOT = make("gr1_right", "GR1T2, right arm and Fourier hand", FOURIER, RIGHT, "dactyl.robots.gr1.model:fourier_right")
