"""Fitting what is assumed about the hand and its sensors to what was measured."""
