"""The gate of a Kubernetes cluster: admission webhooks, ImagePolicyWebhook, and verdicts compiled for engines that call nobody."""
