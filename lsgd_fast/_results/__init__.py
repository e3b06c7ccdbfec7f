"""Results of runs: what they hold, and how they are saved and shown."""
