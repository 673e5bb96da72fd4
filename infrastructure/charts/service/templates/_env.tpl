{{- define "service.env" -}}
{{- with .Values.service -}}
- name: HOST
  value: 0.0.0.0
- name: PORT
  value: {{ .port | quote }}
- name: APP_ID
  value: {{ .dapr.appId | default $.Chart.Name | quote }}
- name: VERSION
  value: {{ .image.tag | quote }}
- name: LOG_LEVEL
  value: {{ .logLevel | quote }}
{{- if .dapr.enabled }}
# The injector would set them too. Stated here, a pod that it missed says that it is not ready.
- name: DAPR_HTTP_PORT
  value: "3500"
- name: DAPR_GRPC_PORT
  value: "50001"
{{- end }}
{{- with .database }}
- name: DATABASE_URL
  valueFrom:
    secretKeyRef:
      name: {{ .secret | quote }}
      key: {{ .key | quote }}
{{- end }}
{{- range $name, $value := .env }}
- name: {{ $name }}
  value: {{ $value | quote }}
{{- end }}
{{- end }}
{{- end }}
