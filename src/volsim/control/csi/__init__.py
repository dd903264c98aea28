"""The sidecars of CSI drivers: what runs beside a driver in the control plane and talks to the API server for it."""
