"""Calibrating the parameters of a simulated robot's model against recorded motion (appendix C.3)."""
