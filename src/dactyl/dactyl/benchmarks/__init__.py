"""How fast the parts are, beside what others offer."""
