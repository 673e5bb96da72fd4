"""What the services of the task app have in common: events, Dapr access, app factory, settings, logs."""
