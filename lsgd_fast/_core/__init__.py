"""Compiled: one pass over X."""
