"""Creates the next occurrence when a recurring task is completed."""
