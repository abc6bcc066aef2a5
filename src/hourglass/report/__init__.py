"""What people read: the offline report, and short descriptions on the terminal."""
