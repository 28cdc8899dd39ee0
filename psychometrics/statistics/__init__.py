"""Arrays in, estimates out: no files, no network, no data frames at the door, no rounding."""
