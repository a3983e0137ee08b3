"""The rehearsal's Drive v3: files, folders, permissions, search."""
