"""Pushes every change of a task to the browsers that are connected."""
