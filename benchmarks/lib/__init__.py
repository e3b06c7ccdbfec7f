"""What several commands share: problems, contenders, a stopwatch, tables."""
