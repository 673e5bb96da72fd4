"""How a change goes into an object: JSON merge patch, and server-side apply as far as this project uses it."""

from typing import Any

KEYS = ("name", "containerPort", "port", "mountPath", "uid", "ip", "type")  # what lists of objects are merged by


def merged(old: Any, patch: Any) -> Any:
    """A JSON merge patch (RFC 7396) applied."""
    if not isinstance(patch, dict):
        return patch
    result = dict(old) if isinstance(old, dict) else {}
    for key, value in patch.items():
        if value is None:
            result.pop(key, None)
        else:
            result[key] = merged(result.get(key), value)
    return result


def applied(live: Any, before: Any, now: Any) -> Any:
    """What an apply makes of `live`: `now` goes in, and what the same manager applied `before` and no more goes out."""
    if isinstance(live, dict) and isinstance(now, dict):
        was = before if isinstance(before, dict) else {}
        kept = {key: value for key, value in live.items() if key in now or key not in was}
        return kept | {
            key: applied(live[key], was.get(key), value) if key in live else value for key, value in now.items()
        }
    if isinstance(live, list) and isinstance(now, list) and (by := _key(live + now)):
        old, was = {item[by]: item for item in live}, {item[by]: item for item in before or []}
        gone = was.keys() - {item[by] for item in now}
        ours = {item[by]: applied(old.get(item[by], {}), was.get(item[by]), item) for item in now}
        others = [item for item in live if item[by] not in ours and item[by] not in gone]
        return [*others, *ours.values()]
    return now


def _key(items: list[Any]) -> str:
    return next((key for key in KEYS if items and all(isinstance(i, dict) and key in i for i in items)), "")
