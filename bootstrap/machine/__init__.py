"""What this machine is, apart from what it must be: facts are read here, findings are made from them alone."""
