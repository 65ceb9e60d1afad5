"""Turning an object in the hand to one goal orientation after another."""
