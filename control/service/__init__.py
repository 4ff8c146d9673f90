"""Terrace as services of the machine: units for systemd, property lists for launchd, and who is asked to run them."""
