"""A Kubernetes cluster: the door to its API, what is asked of it, and what its answers mean."""
