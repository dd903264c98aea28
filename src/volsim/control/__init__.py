"""Who acts, and how: one module per Kubernetes component, each a pure function of a state and a key."""
