"""Files: written whole or not at all; presets, contracts and weights, checked before they are used."""
