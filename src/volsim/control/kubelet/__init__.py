"""The kubelet: what the agent on each node does with its pods, their volumes and their containers."""
