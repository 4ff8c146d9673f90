"""The venue classes: what they ask of their exchange, and what they make of its answers."""
