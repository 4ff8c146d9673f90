"""The engine's actors and the messages they tell each other."""
