"""A sidecar for one app of the `local` place, for machines without daprd.

It speaks the part of Dapr's API that the services use: publish, subscribe with retry and dead letters, state with
ETags, invocation, health, metadata. What is right is what daprd does: `tests/contract/` runs against both.
"""
