"""What a Shadow Dexterous Hand is, its model, its way to the hardware and its calibration."""
