"""Search for groups on which the model underperforms."""
