"""The command line `lsgd-fast`: its commands, their options, and the data files they read."""
