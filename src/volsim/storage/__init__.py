"""Where the bytes live: immutable file trees, mounts, and what holds bytes outside the nodes."""
