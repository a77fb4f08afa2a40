{{/* Labels of one part of one service: (dict "root" $ "service" name "part" serve|work|migrate). */}}
{{- define "onefunnel.selector" -}}
app.kubernetes.io/name: onefunnel
app.kubernetes.io/instance: {{ .root.Release.Name }}
app.kubernetes.io/component: {{ .service }}-{{ .part }}
{{- end }}

{{- define "onefunnel.labels" -}}
{{ include "onefunnel.selector" . }}
app.kubernetes.io/version: {{ .root.Chart.AppVersion | quote }}
app.kubernetes.io/managed-by: {{ .root.Release.Service }}
helm.sh/chart: {{ .root.Chart.Name }}-{{ .root.Chart.Version }}
{{- end }}

{{- define "onefunnel.image" -}}
{{ .root.Values.image.registry }}/{{ .of.package | replace "_" "-" }}:{{ .root.Values.image.tag | default .root.Chart.AppVersion }}
{{- end }}

{{/* What a pod of ours never needs. */}}
{{- define "onefunnel.podSecurity" -}}
automountServiceAccountToken: false
enableServiceLinks: false
securityContext:
  runAsNonRoot: true
  runAsUser: 10001
  runAsGroup: 10001
  seccompProfile: {type: RuntimeDefault}
{{- with .root.Values.image.pullSecrets }}
imagePullSecrets: {{ toYaml . | nindent 2 }}
{{- end }}
volumes:
  - name: tmp
    emptyDir: {sizeLimit: 64Mi}
{{- with .root.Values.kafka.caSecret }}
{{- if .name }}
  - name: kafka-ca
    secret: {secretName: {{ .name | quote }}, items: [{key: {{ .key | quote }}, path: ca.crt}]}
{{- end }}
{{- end }}
{{- end }}

{{- define "onefunnel.containerSecurity" -}}
securityContext:
  allowPrivilegeEscalation: false
  readOnlyRootFilesystem: true
  capabilities: {drop: [ALL]}
volumeMounts:
  - {name: tmp, mountPath: /tmp}
{{- if .root.Values.kafka.caSecret.name }}
  - {name: kafka-ca, mountPath: /etc/onefunnel/kafka, readOnly: true}
{{- end }}
{{- end }}

{{- define "onefunnel.secret" -}}
valueFrom: {secretKeyRef: {name: {{ .name | quote }}, key: {{ .key | quote }}}}
{{- end }}

{{/* The environment: the same names as in docker-compose.yml, and no more than a part needs. */}}
{{- define "onefunnel.environment" -}}
- {name: ONEFUNNEL_PROFILE, value: scaleout}
- {name: ONEFUNNEL_KAFKA_BOOTSTRAP, value: {{ required "kafka.bootstrap: where your brokers are" .root.Values.kafka.bootstrap | quote }}}
- {name: ONEFUNNEL_KAFKA_REPLICATION, value: {{ .root.Values.kafka.replication | quote }}}
- {name: ONEFUNNEL_KAFKA_MIN_ISR, value: {{ .root.Values.kafka.minIsr | quote }}}
- {name: ONEFUNNEL_KAFKA_SMALL, value: {{ .root.Values.kafka.small | quote }}}
- {name: ONEFUNNEL_KAFKA_PREFIX, value: {{ .root.Values.kafka.prefix | quote }}}
{{- if .root.Values.kafka.tls }}
- {name: ONEFUNNEL_KAFKA_TLS, value: "true"}
{{- end }}
{{- if .root.Values.kafka.caSecret.name }}
- {name: ONEFUNNEL_KAFKA_CA_FILE, value: /etc/onefunnel/kafka/ca.crt}
{{- end }}
{{- if .root.Values.kafka.user }}
- {name: ONEFUNNEL_KAFKA_USER, value: {{ .root.Values.kafka.user | quote }}}
- {name: ONEFUNNEL_KAFKA_MECHANISM, value: {{ .root.Values.kafka.mechanism | quote }}}
- name: ONEFUNNEL_KAFKA_PASSWORD
  {{- include "onefunnel.secret" .root.Values.kafka.passwordSecret | nindent 2 }}
{{- end }}
- {name: OTEL_EXPORTER_OTLP_ENDPOINT, value: {{ .root.Values.telemetry.otlpEndpoint | quote }}}
- name: ONEFUNNEL_INTERNAL_KEY
  {{- include "onefunnel.secret" .root.Values.secrets.internalKey | nindent 2 }}
{{- if eq .part "migrate" }}
- name: ONEFUNNEL_OWNER_URL
  {{- include "onefunnel.secret" .root.Values.secrets.ownerUrl | nindent 2 }}
{{- else }}
- name: ONEFUNNEL_WORKER_URL
  {{- include "onefunnel.secret" .root.Values.secrets.workerUrl | nindent 2 }}
{{- end }}
{{- if eq .part "work" }}
- {name: ONEFUNNEL_METRICS_PORT, value: "9100"}
{{- end }}
{{- if eq .part "serve" }}
- name: ONEFUNNEL_APP_URL
  {{- include "onefunnel.secret" .root.Values.secrets.appUrl | nindent 2 }}
- {name: ONEFUNNEL_HOST, value: 0.0.0.0}
- {name: ONEFUNNEL_PORT, value: "8080"}
{{- if eq .service "gateway" }}
- {name: ONEFUNNEL_PUBLIC_URL, value: {{ .root.Values.publicUrl | quote }}}
- {name: ONEFUNNEL_FRONTENDS, value: {{ join "," .root.Values.frontends | quote }}}
{{- end }}
{{- end }}
{{- if and (eq .service "gateway") (eq .part "work") }}
- {name: ONEFUNNEL_WEBHOOK_DAYS, value: {{ .root.Values.webhookDays | quote }}}
{{- end }}
{{- if and (eq .service "gateway") (ne .part "migrate") }}
- {name: ONEFUNNEL_CRM_HOSTS, value: {{ join "," .root.Values.crmHosts | quote }}}
- name: ONEFUNNEL_SERVICE_URLS
  value: {{ include "onefunnel.serviceUrls" .root | quote }}
{{- end }}
{{- with .root.Values.extraEnv }}
{{ toYaml . }}
{{- end }}
{{- end }}

{{- define "onefunnel.serviceUrls" -}}
{{- $urls := dict }}
{{- range $name, $_ := omit .Values.services "gateway" }}
{{- $_ := set $urls $name (printf "http://%s-%s:8080" $.Release.Name $name) }}
{{- end }}
{{- toJson $urls }}
{{- end }}

{{/* A process that starts may take a minute; afterwards it is alive, and ready while it can work. */}}
{{- define "onefunnel.probes" -}}
startupProbe: {httpGet: {path: /livez, port: http}, periodSeconds: 2, failureThreshold: 30}
livenessProbe: {httpGet: {path: /livez, port: http}, periodSeconds: 10, timeoutSeconds: 5, failureThreshold: 3}
readinessProbe: {httpGet: {path: /readyz, port: http}, periodSeconds: 5, timeoutSeconds: 5, failureThreshold: 2}
{{- end }}
