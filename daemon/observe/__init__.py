"""What the daemon writes down and shows about itself: log, metrics, health."""
