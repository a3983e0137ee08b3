"""The rehearsal's Gmail v1: drafts, sending, the mailbox."""
