"""One workflow for a customer-facing incident: shared doc, timeline, customer mail, record."""

from workflow.late_loading import load_late

__version__ = "0.1.0"

load_late()
