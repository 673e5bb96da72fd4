{{- define "service.deployment" -}}
{{- $values := .Values.service -}}
apiVersion: apps/v1
kind: Deployment
metadata:
  name: {{ .Release.Name }}
  namespace: {{ .Release.Namespace }}
  labels:
    {{- include "service.labels" . | nindent 4 }}
spec:
  replicas: {{ $values.replicas }}
  revisionHistoryLimit: 3
  progressDeadlineSeconds: 180
  strategy:
    type: {{ $values.strategy }}
  selector:
    matchLabels:
      {{- include "service.selector" . | nindent 6 }}
  template:
    metadata:
      labels:
        {{- include "service.labels" . | nindent 8 }}
      {{- if or $values.dapr.enabled $values.podAnnotations }}
      annotations:
        {{- with $values.podAnnotations }}
        {{- toYaml . | nindent 8 }}
        {{- end }}
        {{- if $values.dapr.enabled }}
        {{- include "service.dapr.annotations" . | nindent 8 }}
        {{- end }}
      {{- end }}
    spec:
      # No securityContext here: its user would be inherited by the injected daprd, which keeps its image's own.
      automountServiceAccountToken: false
      # The variables of service links (BACKEND_API_PORT=tcp://…) would mix with the service's own.
      enableServiceLinks: false
      terminationGracePeriodSeconds: 15
      containers:
        - name: {{ .Chart.Name }}
          image: {{ printf "%s:%s" $values.image.repository $values.image.tag | quote }}
          imagePullPolicy: {{ $values.imagePullPolicy }}
          securityContext:
            runAsNonRoot: true
            runAsUser: {{ $values.user }}
            runAsGroup: {{ $values.group }}
            readOnlyRootFilesystem: true
            allowPrivilegeEscalation: false
            capabilities:
              drop:
                - ALL
            seccompProfile:
              type: RuntimeDefault
          ports:
            - name: http
              containerPort: {{ $values.port }}
          env:
            {{- include "service.env" . | nindent 12 }}
          startupProbe:
            httpGet:
              path: /healthz
              port: http
            periodSeconds: 1
            failureThreshold: 90
          livenessProbe:
            httpGet:
              path: /healthz
              port: http
            periodSeconds: 10
            timeoutSeconds: 3
          readinessProbe:
            httpGet:
              path: /readyz
              port: http
            periodSeconds: 1
            failureThreshold: 6
            timeoutSeconds: 3
          resources:
            {{- toYaml $values.resources | nindent 12 }}
          volumeMounts:
            - name: tmp
              mountPath: /tmp
      volumes:
        - name: tmp
          emptyDir:
            sizeLimit: 64Mi
{{- end }}
