"""How fast, measured: each module prints its numbers and asserts nothing about them."""
