"""Times: as people type them, time zones, and a clock that never goes back."""
