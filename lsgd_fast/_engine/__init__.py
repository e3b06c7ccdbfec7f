"""Compiled: many passes over X, and what moves between them."""
