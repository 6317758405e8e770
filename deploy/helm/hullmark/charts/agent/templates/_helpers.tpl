{{- define "hullmark-agent.name" -}}
{{- printf "%s-agent" (.Release.Name | trunc 50 | trimSuffix "-") -}}
{{- end -}}

{{- define "hullmark-agent.labels" -}}
app.kubernetes.io/name: hullmark-agent
app.kubernetes.io/instance: {{ .Release.Name }}
app.kubernetes.io/version: {{ .Chart.AppVersion | quote }}
app.kubernetes.io/managed-by: {{ .Release.Service }}
{{- end -}}

{{- define "hullmark-agent.image" -}}
{{- if .Values.image.digest -}}
{{ .Values.image.repository }}@{{ .Values.image.digest }}
{{- else -}}
{{ .Values.image.repository }}:{{ .Values.image.tag | default .Chart.AppVersion }}
{{- end -}}
{{- end -}}

{{- define "hullmark-agent.serviceAccount" -}}
{{ .Values.serviceAccount.name | default (include "hullmark-agent.name" .) }}
{{- end -}}
