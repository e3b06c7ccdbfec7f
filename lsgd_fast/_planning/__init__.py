"""Plans: memory, time and theoretical bounds of a run before it is made."""
