"""GR1T2 with Fourier hands, 6 motors and 5 coupled joints each: the robot of most of the paper (Lin et al.)."""

from dactyl.robots.gr1.joints import FOURIER
from dactyl.robots.gr1.robots import BOTH, make

ROBOT = make("gr1", "GR1T2 with Fourier hands", FOURIER, BOTH, "dactyl.robots.gr1.model:fourier_both")
