"""Turns each due reminder into exactly one notification."""
