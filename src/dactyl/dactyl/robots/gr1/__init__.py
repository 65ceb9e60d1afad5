"""Fourier's GR1T2: a humanoid's upper body with two hands. A robot a file, by its hands and by the arms that move."""
