"""Robots far away: a server takes a policy and a small JSON; workers run it on robots that nobody may choose."""
