"""From array-likes to a validated problem: each X is validated once."""
