"""Tasks over REST, and the events of their changes."""
