{{- define "service.dapr.annotations" -}}
{{- with .Values.service -}}
dapr.io/enabled: "true"
dapr.io/app-id: {{ .dapr.appId | quote }}
dapr.io/app-port: {{ .port | quote }}
dapr.io/app-protocol: http
# Each app has a Dapr Configuration of its own name: who may invoke it is in there.
dapr.io/config: {{ .dapr.appId | quote }}
dapr.io/log-as-json: "true"
# By default ::1 is tried too, for ten seconds for each of two servers where a pod has no IPv6.
dapr.io/sidecar-listen-addresses: 127.0.0.1
# Events wait until the service is alive.
dapr.io/enable-app-health-check: "true"
dapr.io/app-health-check-path: /healthz
# The pod has no token for the API server. The operator reads the secrets that components name.
dapr.io/disable-builtin-k8s-secret-store: "true"
# Pod Security `restricted` asks for it, and the injector sets it only when told so.
dapr.io/sidecar-seccomp-profile-type: RuntimeDefault
{{- with .dapr.resources.requests }}
{{- with .cpu }}
dapr.io/sidecar-cpu-request: {{ . | quote }}
{{- end }}
{{- with .memory }}
dapr.io/sidecar-memory-request: {{ . | quote }}
{{- end }}
{{- end }}
{{- with .dapr.resources.limits }}
{{- with .cpu }}
dapr.io/sidecar-cpu-limit: {{ . | quote }}
{{- end }}
{{- with .memory }}
dapr.io/sidecar-memory-limit: {{ . | quote }}
{{- end }}
{{- end }}
{{- end }}
{{- end }}
