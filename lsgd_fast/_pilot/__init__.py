"""A pilot: trial, plan and monitored run as one protocol with three gates."""
