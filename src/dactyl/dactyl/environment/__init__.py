"""The batched environment: stepping, starts, observations, randomizations, saving."""
