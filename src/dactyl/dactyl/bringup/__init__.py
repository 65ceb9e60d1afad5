"""Bringing the graph up: as data, by processes or ROS's launch, from what a person chose."""
