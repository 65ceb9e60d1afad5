"""GR1T2 with Inspire hands, 6 motors and 6 coupled joints each: the paper's other hands."""

from dactyl.robots.gr1.joints import INSPIRE
from dactyl.robots.gr1.robots import BOTH, make

ROBOT = make("gr1_inspire", "GR1T2 with Inspire hands", INSPIRE, BOTH, "dactyl.robots.gr1.model:inspire_both")
