"""Pastes: a chat, a log or a page, read into timeline entries."""
