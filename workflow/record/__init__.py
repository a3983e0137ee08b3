"""The record: the export, what a customer was told, and forgetting."""
