"""One workflow for a customer-facing incident: shared doc, timeline, customer mail, record."""

__version__ = "0.1.0"
