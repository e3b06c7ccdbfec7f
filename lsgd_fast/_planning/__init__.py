"""What a run will take, and what theory promises of it."""
