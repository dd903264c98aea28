"""Wrong semantics by what they are wrong about: containers and their bytes, volumes and claims, nodes."""
