"""What nodes share: parameters, QoS profiles, conversions, diagnostics, the main loop."""
