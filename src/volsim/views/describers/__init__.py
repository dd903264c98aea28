"""What `kubectl describe` says of each kind, one module for kinds that belong together."""
