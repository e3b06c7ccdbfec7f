"""From array-likes to a validated problem, once."""
