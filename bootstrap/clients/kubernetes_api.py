"""The door for Kubernetes: one named cluster, spoken to in plain documents."""

import binascii
import http.client
import json
import socket
from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from dataclasses import replace
from pathlib import Path
from typing import TYPE_CHECKING, Any

from bootstrap.clients.http import Answer
from bootstrap.problems.catalogue import problem, recognise
from bootstrap.problems.problem import ProblemsFound

if TYPE_CHECKING:
    from kubernetes.client import ApiClient

Document = dict[str, Any]

CONNECT_AND_READ_TIMEOUT_S = (3.0, 20.0)  # to connect, and until the next byte
MAY_PASS = ("cluster-namespace-ending",)  # what is known, and ends by itself
MANAGER = "inv"  # the field manager of what this project applies
JSON = "application/json, */*"
META = "g=meta.k8s.io;v=v1"


class Cluster:
    """The API of one cluster. Paths are the API's own (`path` makes them); bodies and answers are plain documents.

    Every call raises what the Python client raises; `words` turns that into problems.
    """

    def __init__(self, client: "ApiClient") -> None:
        self._client = client

    @classmethod
    def connect(cls, kubeconfig: Path, context: str) -> "Cluster":
        """The cluster that `context` names in that file. Raises `ProblemsFound` (`kubeconfig-unusable`)."""
        from kubernetes.client import ApiClient, Configuration
        from kubernetes.config import ConfigException, load_kube_config
        from yaml import YAMLError

        from bootstrap.clients import yaml_reader

        settings = Configuration()
        try:
            if not isinstance(yaml_reader.document(kubeconfig.read_text(encoding="utf-8")), dict):
                raise ConfigException("it is not a mapping")
            load_kube_config(str(kubeconfig), context, settings, persist_config=False)
        except (ConfigException, OSError, YAMLError, UnicodeDecodeError, binascii.Error) as error:
            raise ProblemsFound(
                problem(
                    "kubeconfig-unusable",
                    f"{kubeconfig} does not say how to reach the cluster {context}.",
                    evidence=str(error),
                    final=True,
                )
            ) from error
        # The cluster is on this machine: no proxy of the user's leads to it.
        settings.proxy = settings.no_proxy = None
        settings.retries = _patience()
        return cls(ApiClient(settings))

    def get(self, path: str, **query: object) -> Document:
        """One object, or a list."""
        return self._json("GET", path, query)

    def find(self, path: str, **query: object) -> Document | None:
        """One object, or None where there is none."""
        from kubernetes.client import ApiException

        try:
            return self.get(path, **query)
        except ApiException as error:
            if error.status == 404:
                return None
            raise

    def items(self, path: str, **query: object) -> list[Document]:
        """The objects of a list; none where the API does not know their kind."""
        found = self.find(path, **query)
        return list(found["items"]) if found else []

    def metadata(self, path: str, **query: object) -> list[Document]:
        """As `items`, and of each object its metadata alone: for lists of objects that hold much."""
        found = self._json("GET", path, query, accept=f"application/json;as=PartialObjectMetadataList;{META}, {JSON}")
        return list(found["items"] or ())  # the real API says null for none

    def create(self, path: str, body: Document, **query: object) -> Document:
        """Creates one object in the collection at `path`."""
        return self._json("POST", path, query, body)

    def apply(self, path: str, body: Document, **query: object) -> Document:
        """Server-side apply of one object, strict about fields; it takes over what others managed."""
        told = {"fieldManager": MANAGER, "force": "true", "fieldValidation": "Strict", **query}
        return self._json("PATCH", path, told, body, "application/apply-patch+yaml")

    def merge(self, path: str, body: Document, **query: object) -> Document:
        """A JSON merge patch of one object."""
        return self._json("PATCH", path, query, body, "application/merge-patch+json")

    def delete(self, path: str, **query: object) -> bool:
        """Deletes one object, or a collection; returns whether there was one."""
        from kubernetes.client import ApiException

        try:
            self._json("DELETE", path, query)
        except ApiException as error:
            if error.status == 404:
                return False
            raise
        return True

    def answers(self, seconds: float) -> bool:
        """Return whether the API server answers within that time, whatever it says."""
        from kubernetes.client import ApiException
        from urllib3.exceptions import HTTPError

        try:
            self._call("GET", "/version", {}, seconds=(seconds, seconds)).close()
        except ApiException:
            return True
        except (HTTPError, OSError):
            return False
        return True

    def text(self, path: str, **query: object) -> str:
        """What is at `path` as text: a log, or what a proxied server answers."""
        return bytes(self._call("GET", path, query).data).decode(errors="replace")

    def lines(self, path: str, **query: object) -> Iterator[str]:
        """What is at `path`, line by line as it comes: a log that is followed."""
        rest = b""
        response = self._call("GET", path, query, seconds=(CONNECT_AND_READ_TIMEOUT_S[0], None))
        try:
            for chunk in response.stream(amt=None):
                *whole, rest = (rest + chunk).split(b"\n")
                yield from (line.decode(errors="replace") for line in whole)
        finally:
            response.close()
        if rest:
            yield rest.decode(errors="replace")

    def carry(self, namespace: str, pod: str, port: int, client: socket.socket) -> None:
        """Carries `client` to `port` on the loopback of a pod, through the API, and closes it at its end."""
        from bootstrap.clients import port_forward

        port_forward.carry(self._client.configuration, namespace, pod, port, client)

    def socket(self, namespace: str, pod: str, port: int) -> socket.socket:
        """A connection to `port` on the loopback of a pod, through the API: a port-forward of one connection."""
        from bootstrap.clients import port_forward

        return port_forward.open_socket(self._client.configuration, namespace, pod, port)

    def ask_pod(self, namespace: str, pod: str, port: int, path: str, seconds: float = 5.0) -> Answer:
        """GET on the loopback of a pod; as `bootstrap.clients.http.request`, no exception for a server that is away."""
        from kubernetes.client import ApiException
        from urllib3.exceptions import HTTPError

        try:
            through = self.socket(namespace, pod, port)
            through.settimeout(seconds)
            connection = http.client.HTTPConnection("127.0.0.1", port)
            connection.sock = through
            try:
                connection.request("GET", path)
                response = connection.getresponse()
                return Answer(response.status, response.read().decode(errors="replace"))
            finally:
                connection.close()
        except (OSError, http.client.HTTPException, ApiException, HTTPError) as error:
            return Answer(0, str(error) or type(error).__name__)

    def _json(
        self,
        method: str,
        path: str,
        query: Mapping[str, object],
        body: Document | None = None,
        kind: str = "",
        accept: str = JSON,
    ) -> Document:
        return dict(json.loads(self._call(method, path, query, body, kind, accept=accept).data))

    def _call(
        self,
        method: str,
        path: str,
        query: Mapping[str, object],
        body: Document | None = None,
        kind: str = "",
        seconds: tuple[float, float | None] = CONNECT_AND_READ_TIMEOUT_S,
        accept: str = JSON,
    ) -> Any:
        headers = {"Accept": accept}
        if body is not None:
            headers["Content-Type"] = kind or "application/json"
        return self._client.call_api(
            path,
            method,
            query_params=list(query.items()),
            header_params=headers,
            body=body,
            auth_settings=["BearerToken"],
            _return_http_data_only=True,
            _preload_content=False,
            _request_timeout=seconds,
        )


def _patience() -> Any:
    """Tries again, for some seconds, what the API server puts off itself, as for a kind that it has just learnt."""
    from urllib3 import Retry

    return Retry(
        status=5,
        status_forcelist={429},
        allowed_methods=None,
        raise_on_status=False,
        backoff_factor=0.2,
        connect=0,
        read=0,
        redirect=0,
        other=0,
    )


def path(version: str, kind: str, namespace: str = "", name: str = "", sub: str = "") -> str:
    """An API path: `version` as in manifests ("v1", "apps/v1"), `kind` in its plural ("pods")."""
    parts = ["api" if "/" not in version else "apis", version]
    if namespace:
        parts += ["namespaces", namespace]
    return "/" + "/".join((*parts, kind, *(part for part in (name, sub) if part)))


@contextmanager
def translate_errors(summary: str, phase: str = "api", **facts: object) -> Iterator[None]:
    """Raises what the API or the way to it refuses inside as `ProblemsFound`: a known problem of `phase`, else its
    words.
    """
    from kubernetes.client import ApiException
    from urllib3.exceptions import HTTPError

    try:
        yield
    except ApiException as error:
        said = message(error)
        known = recognise("kubernetes", phase, said, summary, where="", **facts)
        known = replace(known, final=known.code not in MAY_PASS) if known else None
        raise ProblemsFound(
            known or problem("cluster-refused", summary, evidence=said, where="", final=False, **facts)
        ) from error
    except (HTTPError, OSError) as error:
        said = str(error)
        known = recognise("kubernetes", "connect", said, summary, where="", **facts)
        raise ProblemsFound(
            known or problem("cluster-unreachable", summary, evidence=said, where="", final=False, **facts)
        ) from error


def message(error: Exception) -> str:
    """The API's own words, from the Status object that it answers with, else as they came."""
    body = getattr(error, "body", None)
    text = body.decode(errors="replace") if isinstance(body, bytes) else str(body or "")
    try:
        status = json.loads(text)
    except ValueError:
        status = None
    if isinstance(status, dict) and "message" in status:
        said = str(status["message"])
    else:
        said = text.strip() or str(getattr(error, "reason", "") or error)
    return f"{getattr(error, 'status', '')} {said}".strip()
