"""What can happen next, and what follows: actions, `enabled`, `perform`, faults, the clock, `Simulation`, the trace."""
