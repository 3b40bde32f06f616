"""A stack on a Kubernetes cluster, which is asked and told through kubectl."""
