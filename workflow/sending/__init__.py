"""Send a notice from its plan, each delivery exactly once."""
