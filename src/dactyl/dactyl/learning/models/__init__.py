"""The networks of policy and value function."""
