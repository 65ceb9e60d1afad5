"""The reorientation task: goals, trials, observations, rewards, randomizations and the batched environment."""
