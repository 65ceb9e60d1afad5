"""A Shadow Dexterous Hand that turns objects to goal orientations (after OpenAI, 2018)."""

__version__ = "0.1.0"
