"""Drills on the rehearsal Google: scenario and score."""
