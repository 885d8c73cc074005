{{- define "sigrelay.name" -}}
{{ .Release.Name | trunc 52 | trimSuffix "-" | quote }}
{{- end }}
{{- define "sigrelay.labels" -}}
app.kubernetes.io/name: sigrelay
app.kubernetes.io/instance: {{ .Release.Name | quote }}
{{- end }}
{{- /* Numbers of a values file come as floats, which Go would write as 1e+06. */}}
{{- define "sigrelay.value" -}}
{{ if kindIs "float64" . }}{{ int64 . }}{{ else if kindIs "slice" . }}{{ join ", " . }}{{ else }}{{ . }}{{ end }}
{{- end }}
{{- /* The settings in force: the chart's own, and over them .Values.settings. */}}
{{- define "sigrelay.settings" -}}
{{- $own := dict "listen" "0.0.0.0:7080" "admin_listen" "0.0.0.0:7081" }}
{{- $set := .Values.settings | default dict }}
{{- if .Values.networkPolicy.enabled }}
{{- $_ := set $own "allow_insecure_listen" "yes" }}
{{- else if not (or (hasKey $set "allow_from") (hasKey $set "allow_insecure_listen")) }}
{{- fail "networkPolicy.enabled=false lets every pod of the cluster in: set settings.allow_from, or settings.allow_insecure_listen=yes where something else guards the relay" }}
{{- end }}
{{- if .Values.tls.secretName }}
{{- $own = merge $own (dict "tls_cert_file" "/tls/tls.crt" "tls_key_file" "/tls/tls.key" "tls_client_ca_file" "/tls/ca.crt") }}
{{- end }}
{{- if and (gt (int .Values.replicas) 1) (not (or .Values.redis.secretName (hasKey $set "redis_url"))) }}
{{- $_ := set $own "rate_limit" (printf "%d/min" (max 1 (div 900 (int .Values.replicas)))) }}
{{- end }}
[sigrelay]
{{- range $name, $value := merge (deepCopy $set) $own }}
{{ $name }} = {{ include "sigrelay.value" $value }}
{{- end }}
{{- end }}
{{- define "sigrelay.image" -}}
{{ printf "%s:%s" .Values.image.repository (.Values.image.tag | default .Chart.AppVersion | toString) | quote }}
{{- end }}
