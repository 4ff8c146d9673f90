"""A new version beside the old one: installed, tried on a copy, switched to, watched, and taken back where it fails."""
