"""What a Shadow Dexterous Hand is, and the control chain in front of its actuators. The ground floor."""
