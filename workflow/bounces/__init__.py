"""Bounces and replies in the mailbox."""
