{{- define "whitebox.fullname" -}}
{{- if contains "whitebox" .Release.Name }}{{ .Release.Name | trunc 40 | trimSuffix "-" }}{{ else }}{{ printf "%s-whitebox" .Release.Name | trunc 40 | trimSuffix "-" }}{{ end }}
{{- end }}

{{- define "whitebox.labels" -}}
helm.sh/chart: {{ printf "%s-%s" .Chart.Name .Chart.Version }}
app.kubernetes.io/name: whitebox
app.kubernetes.io/instance: {{ .Release.Name }}
app.kubernetes.io/version: {{ .Chart.AppVersion | quote }}
app.kubernetes.io/managed-by: {{ .Release.Service }}
{{- end }}

{{- define "whitebox.selector" -}}
app.kubernetes.io/name: whitebox
app.kubernetes.io/instance: {{ .root.Release.Name }}
app.kubernetes.io/component: {{ .component }}
{{- end }}

{{- define "whitebox.podSecurity" -}}
runAsNonRoot: true
runAsUser: {{ .uid }}
runAsGroup: {{ .uid }}
fsGroup: {{ .uid }}
seccompProfile:
  type: RuntimeDefault
{{- end }}

{{- define "whitebox.containerSecurity" -}}
allowPrivilegeEscalation: false
readOnlyRootFilesystem: true
capabilities:
  drop: [ALL]
{{- end }}

{{- define "whitebox.image" -}}
{{ .root.Values.image.registry }}/whitebox-{{ .name }}:{{ .root.Values.image.tag | default .root.Chart.AppVersion }}
{{- end }}

{{/* What a process is: image, arguments, ports, the prefix of its settings, and its volumes. */}}
{{- define "whitebox.processes" -}}
gateway: {image: gateway, prefix: GATEWAY, port: 8080, metricsPort: 8080}
embedding: {image: embedding, prefix: EMBEDDING, port: 50051, metricsPort: 9101}
retrieval-api: {image: retrieval, args: [api], prefix: RETRIEVAL, port: 50052, metricsPort: 9102, volumes: [objects]}
retrieval-indexer: {image: retrieval, args: [indexer], prefix: RETRIEVAL, metricsPort: 9103, volumes: [objects]}
llm: {image: {{ if eq .Values.llm.engine "vllm" }}llm-vllm{{ else }}llm{{ end }}, prefix: LLM, port: 50053, metricsPort: 9104}
serving: {image: serving, prefix: SERVING, port: 50054, metricsPort: 9105, volumes: [models]}
features-api: {image: features, args: [api], prefix: FEATURES, port: 50055, metricsPort: 9106, volumes: [offline]}
features-stream: {image: features, args: [stream], prefix: FEATURES, metricsPort: 9107, volumes: [offline]}
{{- end }}

{{- define "whitebox.kafkaBootstrap" -}}
{{- if .Values.kafka.enabled }}{{ include "whitebox.fullname" . }}-kafka:9092{{ else }}{{ .Values.kafka.externalBootstrapServers }}{{ end }}
{{- end }}

{{- define "whitebox.qdrantUrl" -}}
{{- if .Values.qdrant.enabled }}http://{{ include "whitebox.fullname" . }}-qdrant:6334{{ else }}{{ .Values.qdrant.externalUrl }}{{ end }}
{{- end }}

{{- define "whitebox.databaseUrlEnv" -}}
{{- if .root.Values.postgresql.enabled }}
- name: POSTGRES_PASSWORD
  valueFrom: {secretKeyRef: {name: {{ include "whitebox.fullname" .root }}-credentials, key: postgres-password}}
- name: WHITEBOX_{{ .prefix }}_DATABASE_URL
  value: postgresql+asyncpg://whitebox:$(POSTGRES_PASSWORD)@{{ include "whitebox.fullname" .root }}-postgresql:5432/{{ .database }}
{{- else }}
- name: WHITEBOX_{{ .prefix }}_DATABASE_URL
  valueFrom: {secretKeyRef: {name: {{ .root.Values.postgresql.externalUrlSecret }}, key: {{ .database }}-url}}
{{- end }}
{{- end }}

{{/* Settings of one process, by its prefix. */}}
{{- define "whitebox.env" -}}
{{- $root := .root }}
{{- $name := include "whitebox.fullname" $root }}
{{- $prefix := .process.prefix }}
- name: WHITEBOX_{{ $prefix }}_HOST
  value: "0.0.0.0"
{{- if .process.port }}
- name: WHITEBOX_{{ $prefix }}_PORT
  value: {{ .process.port | quote }}
{{- end }}
{{- if ne $prefix "GATEWAY" }}
- name: WHITEBOX_{{ $prefix }}_METRICS_PORT
  value: {{ .process.metricsPort | quote }}
{{- end }}
- name: WHITEBOX_{{ $prefix }}_LOG_LEVEL
  value: {{ $root.Values.logLevel }}
{{- with $root.Values.otlpEndpoint }}
- name: WHITEBOX_{{ $prefix }}_OTLP_ENDPOINT
  value: {{ . }}
{{- end }}
{{- if eq $prefix "GATEWAY" }}
- name: WHITEBOX_GATEWAY_API_KEYS_FILE
  value: /etc/whitebox/api-keys/api-keys.jsonl
- name: WHITEBOX_GATEWAY_EMBEDDING_TARGET
  value: {{ $name }}-embedding:50051
- name: WHITEBOX_GATEWAY_RETRIEVAL_TARGET
  value: {{ $name }}-retrieval-api:50052
- name: WHITEBOX_GATEWAY_LLM_TARGET
  value: {{ $name }}-llm:50053
- name: WHITEBOX_GATEWAY_SERVING_TARGET
  value: {{ $name }}-serving:50054
- name: WHITEBOX_GATEWAY_FEATURES_TARGET
  value: {{ $name }}-features-api:50055
{{- else if eq $prefix "RETRIEVAL" }}
{{- include "whitebox.databaseUrlEnv" (dict "root" $root "prefix" $prefix "database" "retrieval") }}
- name: WHITEBOX_RETRIEVAL_OBJECT_STORE_URL
  value: {{ $root.Values.objectStore.url | default "file:///data/objects" }}
- name: WHITEBOX_RETRIEVAL_KAFKA_BOOTSTRAP_SERVERS
  value: {{ include "whitebox.kafkaBootstrap" $root }}
- name: WHITEBOX_RETRIEVAL_QDRANT_URL
  value: {{ include "whitebox.qdrantUrl" $root }}
- name: WHITEBOX_RETRIEVAL_EMBEDDING_TARGET
  value: {{ $name }}-embedding:50051
{{- else if eq $prefix "FEATURES" }}
{{- include "whitebox.databaseUrlEnv" (dict "root" $root "prefix" $prefix "database" "features") }}
- name: WHITEBOX_FEATURES_OFFLINE_DIR
  value: /data/offline
- name: WHITEBOX_FEATURES_KAFKA_BOOTSTRAP_SERVERS
  value: {{ include "whitebox.kafkaBootstrap" $root }}
{{- if $root.Values.redis.enabled }}
- name: REDIS_PASSWORD
  valueFrom: {secretKeyRef: {name: {{ $name }}-credentials, key: redis-password}}
- name: WHITEBOX_FEATURES_REDIS_URL
  value: redis://:$(REDIS_PASSWORD)@{{ $name }}-redis:6379/0
{{- else }}
- name: WHITEBOX_FEATURES_REDIS_URL
  valueFrom: {secretKeyRef: {name: {{ $root.Values.redis.externalUrlSecret }}, key: url}}
{{- end }}
{{- else if eq $prefix "SERVING" }}
- name: WHITEBOX_SERVING_MODEL_STORE
  value: /data/models
{{- else if eq $prefix "LLM" }}
- name: WHITEBOX_LLM_ENGINE
  value: {{ $root.Values.llm.engine }}
{{- if eq $root.Values.llm.engine "vllm" }}
- name: WHITEBOX_LLM_VLLM_MODEL
  value: {{ $root.Values.llm.model | quote }}
# Weights and compiled kernels are cached below the home directory, and the root file system is read-only.
- name: HOME
  value: /tmp
{{- else if and (eq $root.Values.llm.engine "openai") $root.Values.llm.model }}
- name: WHITEBOX_LLM_MODEL_NAME
  value: {{ $root.Values.llm.model | quote }}
{{- end }}
{{- with $root.Values.llm.baseUrl }}
- name: WHITEBOX_LLM_OPENAI_BASE_URL
  value: {{ . | quote }}
{{- end }}
{{- if $root.Values.llm.apiKeySecret }}
- name: WHITEBOX_LLM_OPENAI_API_KEY_FILE
  value: /etc/whitebox/llm-api-key/api-key
{{- end }}
{{- end }}
{{- end }}
