"""Maths that robots, simulation and nodes share: quaternions, constants on every device. The ground floor."""
