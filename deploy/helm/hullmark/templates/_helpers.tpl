{{- define "hullmark.name" -}}
{{- printf "%s" .Release.Name | trunc 52 | trimSuffix "-" -}}
{{- end -}}

{{- define "hullmark.labels" -}}
app.kubernetes.io/name: hullmark
app.kubernetes.io/instance: {{ .Release.Name }}
app.kubernetes.io/version: {{ .Chart.AppVersion | quote }}
app.kubernetes.io/managed-by: {{ .Release.Service }}
{{- end -}}

{{- define "hullmark.image" -}}
{{- if .Values.image.digest -}}
{{ .Values.image.repository }}@{{ .Values.image.digest }}
{{- else -}}
{{ .Values.image.repository }}:{{ .Values.image.tag | default .Chart.AppVersion }}
{{- end -}}
{{- end -}}

{{- define "hullmark.serviceAccount" -}}
{{ .Values.serviceAccount.name | default (include "hullmark.name" .) }}
{{- end -}}

{{- define "hullmark.pod" -}}
automountServiceAccountToken: false
securityContext:
  runAsNonRoot: true
  runAsUser: 10001
  runAsGroup: 10001
  fsGroup: 10001
  seccompProfile: {type: RuntimeDefault}
{{- with .Values.imagePullSecrets }}
imagePullSecrets: {{- toYaml . | nindent 2 }}
{{- end }}
{{- with .Values.nodeSelector }}
nodeSelector: {{- toYaml . | nindent 2 }}
{{- end }}
{{- with .Values.tolerations }}
tolerations: {{- toYaml . | nindent 2 }}
{{- end }}
{{- with .Values.affinity }}
affinity: {{- toYaml . | nindent 2 }}
{{- end }}
volumes:
  - name: state
    emptyDir: {}
  - name: tmp
    emptyDir: {}
  - name: secret
    secret:
      secretName: {{ .Values.existingSecret }}
      items: [{key: secret.key, path: secret.key}]
{{- end -}}

{{- define "hullmark.container" -}}
image: {{ include "hullmark.image" . | quote }}
imagePullPolicy: {{ .Values.image.pullPolicy }}
securityContext:
  allowPrivilegeEscalation: false
  readOnlyRootFilesystem: true
  capabilities: {drop: [ALL]}
env:
  - name: HULLMARK_DATABASE_URL
    valueFrom: {secretKeyRef: {name: {{ .Values.existingSecret }}, key: database-url}}
  - name: HULLMARK_ADMIN_PASSWORD
    valueFrom: {secretKeyRef: {name: {{ .Values.existingSecret }}, key: admin-password}}
  - name: HULLMARK_SECRET_KEY_FILE
    value: /etc/hullmark/secret.key
  - name: HULLMARK_OBJECTS
    value: {{ required "objects is required: s3://BUCKET/PREFIX" .Values.objects | quote }}
  - name: HULLMARK_FEEDS
    value: {{ .Values.feeds.from | quote }}
  - name: HULLMARK_FEEDS_EVERY
    value: {{ .Values.feeds.every | quote }}
  - name: HULLMARK_METRICS_LISTEN
    value: "0.0.0.0:{{ .Values.metricsPort }}"
{{- with .Values.publicUrl }}
  - name: HULLMARK_PUBLIC_URL
    value: {{ . | quote }}
{{- end }}
{{- with .Values.mail.smtp }}
  - name: HULLMARK_SMTP
    value: {{ . | quote }}
{{- end }}
{{- with .Values.mail.from }}
  - name: HULLMARK_MAIL_FROM
    value: {{ . | quote }}
{{- end }}
{{- with .Values.trustedProxies }}
  - name: HULLMARK_TRUSTED_PROXIES
    value: {{ . | quote }}
{{- end }}
{{- range $name, $value := .Values.settings }}
  - name: {{ $name }}
    value: {{ $value | quote }}
{{- end }}
{{- with .Values.extraEnvFrom }}
envFrom: {{- toYaml . | nindent 2 }}
{{- end }}
volumeMounts:
  - {name: state, mountPath: /var/lib/hullmark}
  - {name: tmp, mountPath: /tmp}
  - {name: secret, mountPath: /etc/hullmark, readOnly: true}
{{- end -}}
