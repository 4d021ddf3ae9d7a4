"""What brings users for a drill: one file per kind."""
