"""What comes back from a run, and how it is saved and shown."""
