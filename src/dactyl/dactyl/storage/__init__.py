"""Files: written whole or not at all, weights with their contract."""
