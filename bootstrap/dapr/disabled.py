"""What does not work while a service's Dapr is switched off, told from the manifest."""

from bootstrap.manifest import Manifest


def effects(manifest: Manifest, name: str) -> list[str]:
    """One phrase for each thing that a service, or another one, can no longer do."""
    service, others = manifest.services[name], manifest.services
    found = []
    for topic in service.publishes:
        readers = [other for other, one in others.items() if topic in one.subscribes]
        found.append(f"nothing that happens in it reaches {topic}{f' ({_and(readers)})' if readers else ''}")
    found += [f"it hears nothing of {topic}" for topic in service.subscribes]
    found += ["it has no state store"] if service.state else []
    found += [f"it cannot call {other}" for other in service.invokes]
    found += [f"{other} cannot call it" for other, one in others.items() if name in one.invokes]
    return found


def _and(names: list[str]) -> str:
    return " and ".join(filter(None, (", ".join(names[:-1]), names[-1])))
