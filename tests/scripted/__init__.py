"""A world that outlives the program under test: a cluster, engines and a minikube that are scripted, a real Helm."""
