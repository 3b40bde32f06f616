"""The objects of a Kubernetes cluster: workloads, services, policies, generators."""
