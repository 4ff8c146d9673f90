"""Replay: the engine on recorded prices and alerts. Same actors, same rules, one thread, a virtual clock."""
