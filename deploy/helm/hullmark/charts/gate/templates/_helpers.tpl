{{- define "hullmark-gate.name" -}}
{{- printf "%s-gate" (.Release.Name | trunc 50 | trimSuffix "-") -}}
{{- end -}}

{{- define "hullmark-gate.labels" -}}
app.kubernetes.io/name: hullmark-gate
app.kubernetes.io/instance: {{ .Release.Name }}
app.kubernetes.io/version: {{ .Chart.AppVersion | quote }}
app.kubernetes.io/managed-by: {{ .Release.Service }}
{{- end -}}

{{- define "hullmark-gate.image" -}}
{{- if .Values.image.digest -}}
{{ .Values.image.repository }}@{{ .Values.image.digest }}
{{- else -}}
{{ .Values.image.repository }}:{{ .Values.image.tag | default .Chart.AppVersion }}
{{- end -}}
{{- end -}}

{{- define "hullmark-gate.serviceAccount" -}}
{{ .Values.serviceAccount.name | default (include "hullmark-gate.name" .) }}
{{- end -}}
