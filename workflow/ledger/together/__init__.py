"""What people decide together: proposed plans, and reminders of due updates."""
