"""What must never happen, however often it is tried: generated in bulk, seeded, with the figures told at the end."""
