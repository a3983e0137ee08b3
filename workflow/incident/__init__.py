"""An incident from start to close: its timeline and statements."""
