"""Calibration of the Shadow hand's joint sensors against motion capture."""
