"""The catalogue's rows about Helm, its charts, and the pods that they make."""

from bootstrap.problems.problem import Row

ROWS: tuple[Row, ...] = (
    Row(
        "chart-missing",
        "Every service in environment.toml has a chart of its name in infrastructure/charts, and a chart may depend on "
        "another one there.",
        "# write it after the example of another service, then:\nls infrastructure/charts\n./inv up",
    ),
    Row(
        "chart-values-invalid",
        "A value is not what the chart's values.schema.json allows: a wrong type or range, a misspelt or missing key.",
        "# correct the value in infrastructure/charts/{chart}/values.yaml or values-local.yaml, then:\n./inv up",
        tool="helm",
        phase="template",
        pattern=r"values don't meet the specifications of the schema",
    ),
    Row(
        "chart-yaml-invalid",
        "What the template renders is not YAML, or its values are not; mostly a wrong indentation.",
        "# mend the file that Helm names, then:\n./inv up",
        tool="helm",
        phase="template",
        pattern=r"YAML parse error|error converting YAML|cannot unmarshal|failed to parse .+\.ya?ml",
    ),
    Row(
        "chart-template-broken",
        "A template asks for a value or another template that does not exist, or its syntax is wrong.",
        "# mend the line that Helm names, then:\n./inv up",
        tool="helm",
        phase="template",
        pattern=r"(?m)Error: (?:.*: )?\S+\.(?:ya?ml|tpl):\d+|parse error at \(|error calling include",
    ),
    Row(
        "chart-not-rendered",
        "Helm ended with an error that this project does not know; its words are below.",
        "helm lint infrastructure/charts/{chart}\n./inv up",
        unknown=True,
    ),
    Row(
        "chart-unknown-field",
        "The API has no such field there. A plain create drops it with no more than a warning, so what it asks for "
        "never happens; Helm's apply fails on it.",
        "{advice}\n./inv up",
    ),
    Row("chart-wrong-type", "The API does not take a value of that type.", "{advice}\n./inv up"),
    Row("chart-missing-field", "The API requires the field.", "# add it at the place shown, then:\n./inv up"),
    Row(
        "chart-duplicate-field",
        "The same key stands twice in one mapping; only one of them would count.",
        "# remove one of them, then:\n./inv up",
    ),
    Row(
        "chart-kind-unknown",
        "The API of the pinned Kubernetes serves no such kind of object under that apiVersion.",
        "{advice}\n./inv up",
    ),
    Row(
        "dapr-values-unreadable",
        "infrastructure/dapr-values.yaml has the table dapr_sidecar_injector, which tells how sidecars are made.",
        "git checkout -- infrastructure/dapr-values.yaml\n./inv up",
    ),
    Row(
        "pod-user-breaks-non-root",
        "The kubelet will refuse the container {container}: it runs as user 0 and has runAsNonRoot: true. A user "
        "stated for the whole pod is inherited by daprd, to which Dapr's injector gives runAsNonRoot: true alone. "
        "Relaxing the labels of Pod Security, or turning admission plugins off, changes nothing: it is the kubelet "
        "that checks.",
        "# state no user for the pod; give each container a numeric one of its own that is not 0, then:\n./inv up",
    ),
    Row(
        "pod-user-inherited",
        "The pod states a user for all its containers, so daprd does not run as the user of its own image.",
        "# move runAsUser and runAsGroup from the pod to each container, then:\n./inv up",
    ),
    Row(
        "pod-not-injected",
        "The service has an app id, so it publishes, subscribes or is called through Dapr; without its sidecar, all of "
        "its events are lost.",
        '# let the chart annotate its pod with dapr.io/enabled: "true"; to do without Dapr on purpose, set\n'
        "# service.dapr.enabled to false in infrastructure/charts/{name}/values-local.yaml; then:\n./inv up",
    ),
    Row(
        "pod-image-runs-as-root",
        "The container {container} has runAsNonRoot: true and no user of its own, and its image states none or root.",
        "# write a number in the Dockerfile (USER 10001:10001), or runAsUser on the container, then:\n./inv up",
    ),
    Row(
        "pod-image-user-not-numeric",
        "The container {container} has runAsNonRoot: true and no user of its own, and its image names its user: the "
        "kubelet cannot tell that a name is not root.",
        "# write the number in the Dockerfile (USER 10001:10001), or runAsUser on the container, then:\n./inv up",
    ),
    Row(
        "pod-security-violated",
        "The namespace enforces Pod Security `{level}` and will refuse the pod, as it is after the injection of its "
        "sidecar. The words below name each container and what it must set.",
        "# set that in the chart (for daprd: in infrastructure/dapr-values.yaml, and its annotations), then:\n./inv up",
    ),
)
