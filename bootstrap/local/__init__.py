"""The `local` place: the whole app as processes of this machine, on loopback."""
