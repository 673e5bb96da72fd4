"""The minikube profile of an environment: whose it is, what it should be, how it is started, the engine in its node."""
