"""Keeps the append-only history of every task."""
