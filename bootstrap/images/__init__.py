"""The images of the services: what goes into each, its build, and the proof that it runs as a pod will run it."""
