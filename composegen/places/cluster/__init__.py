"""A stack on a Kubernetes cluster, which is asked and changed through kubectl."""
