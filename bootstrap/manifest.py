"""The manifest: `environment.toml` as frozen types. Read it once with `load`; everything else follows from it."""

from collections.abc import Mapping
from pathlib import Path
from types import MappingProxyType
from typing import Annotated, Literal, TypeVar

from pydantic import AfterValidator, BaseModel, ConfigDict, Field, StringConstraints, ValidationError

from bootstrap import manifest_checks, manifest_text
from bootstrap.manifest_problems import Collector, without_invalid
from bootstrap.problem import Failed

Value = TypeVar("Value")


def _frozen(table: Mapping[str, Value]) -> Mapping[str, Value]:
    return MappingProxyType(dict(table))


def _empty() -> Mapping[str, str]:
    return MappingProxyType({})


# Every pattern has its meaning in words in `manifest_fields.IN_WORDS`.
Label = Annotated[str, StringConstraints(pattern=r"^[a-z0-9]([-a-z0-9]{0,61}[a-z0-9])?$")]
ServiceName = Annotated[str, StringConstraints(pattern=r"^[a-z]([-a-z0-9]{0,61}[a-z0-9])?$")]
TopicName = Annotated[str, StringConstraints(pattern=r"^[A-Za-z0-9_-][A-Za-z0-9._-]{0,248}$")]
EnvName = Annotated[str, StringConstraints(pattern=r"^[A-Za-z_][A-Za-z0-9_]*$")]
Version = Annotated[str, StringConstraints(pattern=r"^[0-9]{1,4}\.[0-9]{1,4}\.[0-9]{1,4}$")]
FolderPath = Annotated[
    str, StringConstraints(pattern=r"^([A-Za-z0-9._-]+/)*[A-Za-z][A-Za-z0-9_-]*$", max_length=200)
]
Image = Annotated[
    str,
    StringConstraints(
        pattern=r"^[a-z0-9][a-z0-9._:/-]*(:[A-Za-z0-9_][A-Za-z0-9._-]{0,127}|@sha256:[0-9a-f]{64})$",
        max_length=400,
    ),
    AfterValidator(manifest_checks.pinned),
]
Port = Annotated[int, Field(ge=1024, le=65535)]
NodePort = Annotated[int, Field(ge=30000, le=32767)]
PodSecurityLevel = Literal["privileged", "baseline", "restricted"]
# TOML has arrays, the types have tuples: only this conversion is allowed, all else is strict.
Topics = Annotated[tuple[TopicName, ...], Field(strict=False, json_schema_extra={"uniqueItems": True})]
Services = Annotated[tuple[ServiceName, ...], Field(strict=False, json_schema_extra={"uniqueItems": True})]


class _Table(BaseModel):
    model_config = ConfigDict(frozen=True, extra="forbid", strict=True)


class Cluster(_Table):
    """The Kubernetes cluster that minikube makes."""

    profile: Label = Field(description="minikube profile; also the kubeconfig context.", examples=["taskapp"])
    kubernetes: Version = Field(description="Kubernetes version, x.y.z.", examples=["1.36.2"])
    cpus: int = Field(ge=2, le=256, description="CPUs given to the cluster.", examples=[4])
    memory_mb: int = Field(
        ge=2048, le=1048576, description="Memory given to the cluster, in MiB.", examples=[6144]
    )


class Tools(_Table):
    """Exact versions of the command-line tools."""

    minikube: Version = Field(description="minikube version, x.y.z.", examples=["1.38.1"])
    helm: Version = Field(description="Helm version, x.y.z.", examples=["4.1.4"])


class Listeners(_Table):
    """Ports on which the broker speaks Kafka's protocol."""

    host: Port = Field(description="Port for programs on this machine.", examples=[9092])
    cluster: Port = Field(description="Port for pods.", examples=[29092])


class Broker(_Table):
    """The Kafka-compatible broker."""

    image: Image = Field(
        description="Container image with a fixed tag or digest.", examples=["redpandadata/redpanda:v25.3.1"]
    )
    memory_mb: int = Field(ge=256, le=1048576, description="Memory limit, in MiB.", examples=[1024])
    listeners: Listeners = Field(description="Ports on which the broker speaks Kafka's protocol.")


class Topic(_Table):
    """One topic; created and compared exactly."""

    partitions: int = Field(ge=1, le=1000, description="Number of partitions.", examples=[3])
    retention_hours: int = Field(
        ge=1, le=87600, description="How long a message is kept, in hours.", examples=[168]
    )
    cleanup: Literal["delete", "compact", "compact,delete"] = Field(
        description="Kafka's cleanup.policy.", examples=["delete"]
    )
    dead_letter: TopicName | None = Field(
        default=None,
        description="Topic that gets the messages which no subscriber could handle.",
        examples=["task-events-dead"],
    )


class PodSecurity(_Table):
    """Pod Security Standards level that each namespace enforces."""

    app: PodSecurityLevel = Field(description="Level of the app's namespace.", examples=["restricted"])
    system: PodSecurityLevel = Field(
        description="Level of the namespace dapr-system.", examples=["restricted"]
    )


class Dapr(_Table):
    """The Dapr control plane."""

    version: Version = Field(description="Dapr version, x.y.z.", examples=["1.18.1"])
    pod_security: PodSecurity = Field(
        description="Pod Security Standards level that each namespace enforces."
    )


class Service(_Table):
    """One service: a folder with `requirements.txt`, a Dockerfile and a Python module."""

    path: FolderPath = Field(
        description="Folder of the service, relative to this file; its last part names the module (- becomes _).",
        examples=["services/backend-api"],
    )
    port: Port = Field(description="TCP port on which the service listens.", examples=[8081])
    node_port: NodePort | None = Field(
        default=None,
        description="Port on the cluster's node for browsers; none: not reachable.",
        examples=[30081],
    )
    app_id: Label | None = Field(
        default=None, description="Dapr app id; none: the service has no sidecar.", examples=["backend-api"]
    )
    database: bool = Field(default=False, description="Whether it gets a DATABASE_URL.", examples=[True])
    state: bool = Field(default=False, description="Whether it may use the state store.", examples=[True])
    publishes: Topics = Field(
        default=(), description="Topics that it publishes to.", examples=[["task-events"]]
    )
    subscribes: Topics = Field(
        default=(), description="Topics that it subscribes to.", examples=[["task-events"]]
    )
    invokes: Services = Field(
        default=(), description="Services that it calls through Dapr.", examples=[["audit-service"]]
    )
    env: Annotated[Mapping[EnvName, str], AfterValidator(_frozen)] = Field(
        default_factory=_empty,
        description="Environment variables; {url:SERVICE} becomes the base URL of SERVICE as a browser sees it.",
        examples=[{"ALLOWED_ORIGINS": "{url:frontend}"}],
    )

    @property
    def module(self) -> str:
        """Name of the Python module in the service's folder."""
        return self.path.rpartition("/")[2].replace("-", "_")


class ManifestFile(_Table):
    """The environment, described once."""

    name: Label = Field(description="Name of the environment.", examples=["taskapp"])
    namespace: Label = Field(description="Kubernetes namespace of the app.", examples=["taskapp"])
    cluster: Cluster = Field(description="The Kubernetes cluster that minikube makes.")
    tools: Tools = Field(description="Exact versions of the command-line tools.")
    broker: Broker = Field(description="The Kafka-compatible broker.")
    topics: Annotated[Mapping[TopicName, Topic], AfterValidator(_frozen)] = Field(
        description="Topics by name."
    )
    dapr: Dapr = Field(description="The Dapr control plane.")
    services: Annotated[Mapping[ServiceName, Service], AfterValidator(_frozen)] = Field(
        description="Services by name."
    )


class Manifest(ManifestFile):
    """The manifest together with the folder that holds it."""

    root: Path

    def folder(self, service: str) -> Path:
        """Absolute folder of a service. Raises `KeyError` for a name that the manifest does not have."""
        return self.root / self.services[service].path


def load(path: Path) -> Manifest:
    """Read and check the manifest. Raises `Failed` with every problem found, each with `file:line`."""
    text = manifest_text.read(path)
    data, lines = manifest_text.parse(path, text)
    problems = Collector(path, data, lines, ManifestFile)
    root = path.absolute().parent
    try:
        ManifestFile.model_validate(data)
    except ValidationError as error:
        problems.validation(error.errors(include_url=False))
    manifest_checks.check(without_invalid(data, problems.locations), root, problems, problems.locations)
    if problems.found:
        raise Failed(problems.found)
    return Manifest.model_validate({**data, "root": root})
