{{- define "sigrelay.name" -}}
{{ .Release.Name | trunc 52 | trimSuffix "-" }}
{{- end }}
{{- define "sigrelay.labels" -}}
app.kubernetes.io/name: sigrelay
app.kubernetes.io/instance: {{ .Release.Name }}
{{- end }}
