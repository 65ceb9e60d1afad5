"""What improves a policy from a batch of experience."""
