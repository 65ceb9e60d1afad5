"""What any robot is: the control chain in front of its actuators, safety, markers, control ticks."""
