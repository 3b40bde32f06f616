"""The names of the two files; they lie next to the stack file."""

KUBERNETES_FILE = "kubernetes.yaml"
KUSTOMIZATION_FILE = "kustomization.yaml"
