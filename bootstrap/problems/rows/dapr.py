"""The catalogue's rows about Dapr's control plane, its components and sidecars on a cluster, and their database."""

from bootstrap.problems.problem import Row

_CHART = (
    "./inv up\n# without a network here, bring the archive from a machine that has one, and name it:\n"
    "#   helm pull dapr --repo https://dapr.github.io/helm-charts --version {version}\n"
    "#   export INV_DAPR_CHART=$PWD/dapr-{version}.tgz"
)

ROWS: tuple[Row, ...] = (
    # --- the control plane
    Row(
        "dapr-chart-missing",
        "INV_DAPR_CHART names the archive of Dapr's Helm chart, and it is not there.",
        "# let inv download it:\nunset INV_DAPR_CHART\n" + _CHART,
    ),
    Row(
        "dapr-chart-unusable",
        "{path} must be the archive of Dapr's Helm chart, in the version that environment.toml pins.",
        "# let inv download it anew:\nunset INV_DAPR_CHART\nmv {path} {path}.unusable\n" + _CHART,
    ),
    Row(
        "dapr-index-unusable",
        "What {url} answers is something else: a login page of the network, or a mirror that is not one.",
        "curl -sSL {url} | head\n" + _CHART,
    ),
    Row(
        "dapr-version-unknown",
        "Dapr has published no chart of that version. The newest ones: {known}.",
        "# correct dapr.version in environment.toml, then:\n./inv up",
    ),
    Row(
        "dapr-not-installed",
        "Dapr's Helm release is not there, or was made from another chart or other values than the checkout has.",
        "./inv up",
    ),
    Row(
        "dapr-kinds-missing",
        "The custom resource definitions of Dapr's kinds are not there, or not yet established.",
        "./inv up",
    ),
    Row(
        "sidecar-refused",
        "The namespace enforces Pod Security `{level}`, and the pod does not meet it once Dapr's injector has added "
        "daprd. The words below name each container and what it must set.",
        "# for daprd, correct dapr_sidecar_injector in infrastructure/dapr-values.yaml, then:\n./inv up",
    ),
    Row(
        "sidecar-not-injected",
        "The API server asks Dapr's webhook for each new pod, and takes the pod as it is where no answer comes.",
        "{kubectl} logs deployment/dapr-sidecar-injector\n./inv up",
    ),
    Row(
        "canary-missing",
        "The canary was removed from outside, or what injects sidecars was replaced while it was being proven.",
        "./inv up",
    ),
    Row(
        "canary-not-ready",
        "A pod with nothing in it but a sidecar shows whether sidecars can run at all, and this one does not yet.",
        "{kubectl} describe pod {name}\n{kubectl} logs {name} --container daprd\n./inv up",
    ),
    Row(
        "dapr-trust-missing",
        "dapr-sentry writes Dapr's root certificate into the ConfigMap dapr-trust-bundle when it starts; it has not "
        "started well, or the ConfigMap was emptied or made anew since.",
        "{kubectl} logs deployment/dapr-sentry\n./inv up",
    ),
    Row(
        "injector-trust-outdated",
        "Dapr's root certificate was replaced a moment ago, and the injector still has the former one: the kubelet "
        "renews the injector's copy within about a minute.",
        "./inv up\n# when it stays so:\n{kubectl} rollout restart deployment/dapr-sidecar-injector",
    ),
    Row(
        "dapr-certificate-expired",
        "Dapr's root certificate is valid for a year and is not renewed by itself; after that no sidecar gets a "
        "certificate. Or the clock of the cluster is wrong: it is below.",
        "date -u\n# the clock is right: make the control plane anew, with a new root certificate:\n"
        "{kubectl} delete namespace dapr-system\n./inv up",
    ),
    Row(
        "dapr-certificate-early",
        "Dapr's root certificate was made later than the cluster's clock says it is: the clock was set back.",
        "# compare, set the clock right, then:\ndate -u\n./inv up",
    ),
    # --- PostgreSQL
    Row(
        "database-secret-missing",
        "The Secret was deleted or changed from outside, or the password was.",
        "./inv up",
    ),
    Row(
        "postgres-not-installed",
        "PostgreSQL's Helm release is not there, or was made from another chart, other values or another password.",
        "./inv up",
    ),
    Row(
        "postgres-password-refused",
        "The volume was made with another password than the one in the Secret postgres: the Secret was deleted or "
        "changed, and the data stayed.",
        "# give the data the password of the Secret:\n"
        "{kubectl} exec postgres-0 -- sh -c "
        '\'echo "ALTER ROLE postgres PASSWORD \\$p\\$$POSTGRES_PASSWORD\\$p\\$" | '
        "psql -U postgres -h 127.0.0.1'\n./inv up",
        tool="postgres",
        phase="login",
        pattern=r'password authentication failed for user "postgres"',
    ),
    Row(
        "postgres-unreachable",
        "The database runs, and its Service leads nowhere: the network of pods, or the name server, is not right.",
        "{kubectl} get service,endpointslices,pods -l app.kubernetes.io/name=postgres\n./inv up",
    ),
    # --- Dapr's resources, and what the sidecars made of them
    Row(
        "dapr-resource-differs",
        "Components, configurations, resiliency and subscriptions follow infrastructure/dapr and environment.toml; "
        "somebody changed or removed one in the cluster.",
        "./inv up",
    ),
    Row(
        "sidecar-silent",
        "The sidecar does not answer on port 3500 of the pod: it starts, waits for a component, or has ended.",
        "{kubectl} logs {pod} --container daprd\n./inv up",
    ),
    Row(
        "sidecar-version-differs",
        "The pod was made before Dapr was upgraded, and keeps the sidecar that it was made with.",
        "{kubectl} rollout restart deployment/{name}\n./inv up",
    ),
    Row(
        "sidecar-trust-outdated",
        "Dapr's control plane was made anew, or its root certificate was replaced. A sidecar takes the root "
        "certificate once, when its pod is made; with a former one it can neither call services that started later, "
        "nor be called by them, nor renew its own certificate. A restart of the pods of {name} ends that.",
        "./inv up",
    ),
    Row(
        "sidecar-outdated",
        "Dapr's injector writes the sidecar's image, flags and environment into a pod when the pod is made. They have "
        "changed since; a restart of the pods of {name} takes them over.",
        "./inv up",
    ),
    Row(
        "pod-settings-outdated",
        "A container reads its environment, and files that are mounted by subPath, only when it starts. They have "
        "changed since; a restart of the pods of {name} takes them over.",
        "./inv up",
    ),
    Row(
        "component-not-loaded",
        "A sidecar loads the components of its scope when it starts; this one did not, and its log says why.",
        "{kubectl} logs {pod} --container daprd\n{kubectl} get components\n./inv up",
    ),
    Row(
        "subscription-not-registered",
        "environment.toml says that {name} subscribes to the topic; a sidecar registers that once its app is healthy.",
        "{kubectl} logs {pod} --container daprd\n{kubectl} get subscriptions\n./inv up",
    ),
)
