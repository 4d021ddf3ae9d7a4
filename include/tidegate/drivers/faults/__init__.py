"""What puts faults in for a drill: one file per kind."""
