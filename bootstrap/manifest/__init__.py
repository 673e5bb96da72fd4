"""The manifest: `environment.toml` as frozen types. Read it once, with `load`; everything follows from it."""

from collections.abc import Mapping
from pathlib import Path
from typing import Annotated

from pydantic import AfterValidator, BaseModel, ConfigDict, Field, PrivateAttr, ValidationError

from bootstrap.manifest import checks, text
from bootstrap.manifest import types as t
from bootstrap.manifest.problems import Collector, without_invalid
from bootstrap.problems.problem import ProblemsFound


class _Table(BaseModel):
    # defer_build: the validators of all tables are built once, with those of the whole manifest
    model_config = ConfigDict(frozen=True, extra="forbid", strict=True, defer_build=True)


class Cluster(_Table):
    """The Kubernetes cluster that minikube makes."""

    profile: t.Label = Field(
        description="minikube profile; also the name of the kubeconfig context.", examples=["taskapp"]
    )
    kubernetes: t.Version = Field(description="Kubernetes version, x.y.z.", examples=["1.35.1"])
    cpus: int = Field(ge=2, le=256, description="CPUs given to the cluster.", examples=[4])
    memory_mb: int = Field(ge=2048, le=1048576, description="Memory given to the cluster, in MiB.", examples=[6144])


class Tools(_Table):
    """Exact versions of the command-line tools."""

    minikube: t.Version = Field(description="minikube version, x.y.z.", examples=["1.38.1"])
    helm: t.Version = Field(description="Helm version, x.y.z.", examples=["4.1.4"])


class Listeners(_Table):
    """Ports on which the broker speaks Kafka's protocol."""

    host: t.Port = Field(description="TCP port for programs on this machine.", examples=[9092])
    cluster: t.Port = Field(description="TCP port for pods.", examples=[29092])


class Broker(_Table):
    """The Kafka-compatible broker."""

    image: t.Image = Field(
        description="Container image with a fixed tag or digest.", examples=["redpandadata/redpanda:v25.3.1"]
    )
    memory_mb: int = Field(ge=256, le=1048576, description="Memory limit, in MiB.", examples=[1024])
    listeners: Listeners = Field(description="Ports on which the broker speaks Kafka's protocol.")


class Topic(_Table):
    """One topic; created and compared exactly."""

    partitions: int = Field(ge=1, le=1000, description="Number of partitions.", examples=[3])
    retention_hours: int = Field(ge=1, le=87600, description="How long a message is kept, in hours.", examples=[168])
    cleanup: t.CleanupPolicy = Field(description="Kafka's cleanup.policy.", examples=["delete"])
    dead_letter: t.TopicName | None = Field(
        default=None,
        description="Topic for the messages that no attempt could deliver; none: they are dropped.",
        examples=["task-events-dead"],
    )


class PodSecurity(_Table):
    """Pod Security Standards level that each namespace enforces."""

    app: t.PodSecurityLevel = Field(description="Level of the app's namespace.", examples=["restricted"])
    system: t.PodSecurityLevel = Field(description="Level of the namespace dapr-system.", examples=["restricted"])


class Dapr(_Table):
    """The Dapr control plane."""

    version: t.Version = Field(description="Dapr version, x.y.z.", examples=["1.18.1"])
    pod_security: PodSecurity = Field(description="Pod Security Standards level that each namespace enforces.")


class Service(_Table):
    """One service: a folder with requirements.txt, a Dockerfile and a Python module."""

    path: t.FolderPath = Field(
        description="Folder, relative to the manifest; its last part names the Python module (- becomes _).",
        examples=["services/backend-api"],
    )
    port: t.Port = Field(description="TCP port on which the service listens.", examples=[8081])
    node_port: t.NodePort | None = Field(
        default=None,
        description="TCP port on the cluster's node, for browsers; none: not reachable from outside.",
        examples=[30081],
    )
    app_id: t.Label | None = Field(
        default=None, description="Dapr app id; none: the service has no sidecar.", examples=["backend-api"]
    )
    database: bool = Field(default=False, description="Whether the service gets a DATABASE_URL.", examples=[True])
    state: bool = Field(default=False, description="Whether the service may use the state store.", examples=[True])
    publishes: t.Topics = Field(
        default=(), description="Topics that the service publishes to.", examples=[["task-events"]]
    )
    subscribes: t.Topics = Field(
        default=(), description="Topics that the service subscribes to.", examples=[["task-events"]]
    )
    invokes: t.Services = Field(
        default=(), description="Services that the service calls through Dapr.", examples=[["audit-service"]]
    )
    env: t.Variables = Field(
        default_factory=lambda: t.frozen({}),
        description="Environment variables. {url:NAME} becomes service NAME's base URL as a browser sees it.",
        examples=[{"ALLOWED_ORIGINS": "{url:frontend}"}],
    )

    @property
    def module(self) -> str:
        """Name of the Python module in the service's folder."""
        return self.path.rpartition("/")[2].replace("-", "_")


class Manifest(_Table):
    """The environment, described once."""

    name: t.Label = Field(description="Name of the environment.", examples=["taskapp"])
    namespace: t.Label = Field(description="Kubernetes namespace of the app.", examples=["taskapp"])
    cluster: Cluster = Field(description="The Kubernetes cluster that minikube makes.")
    tools: Tools = Field(description="Exact versions of the command-line tools.")
    broker: Broker = Field(description="The Kafka-compatible broker.")
    topics: Annotated[Mapping[t.TopicName, Topic], AfterValidator(t.frozen)] = Field(description="Topics by name.")
    dapr: Dapr = Field(description="The Dapr control plane.")
    services: Annotated[Mapping[t.ServiceName, Service], AfterValidator(t.frozen)] = Field(
        description="Services by name."
    )

    _root: Path = PrivateAttr(default_factory=Path)

    @property
    def root(self) -> Path:
        """Absolute path of the folder that holds the manifest; not a key of it."""
        return self._root


def load(path: Path) -> Manifest:
    """Read and check the manifest. Raises `ProblemsFound` with every problem found, each with `file:line`."""
    data, lines = text.read(path)
    problems = Collector(path.name, data, lines, Manifest)
    manifest: Manifest | None = None
    try:
        manifest = Manifest.model_validate(data)
    except ValidationError as error:
        problems.validation(error.errors(include_url=False))
    root = path.absolute().parent
    checks.check(without_invalid(data, problems.locations), root, problems, problems.locations)
    if manifest is None or problems.found:
        raise ProblemsFound(problems.found)
    manifest._root = root
    return manifest
