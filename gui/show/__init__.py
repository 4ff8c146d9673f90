"""How values look on the screen: numbers, times, words. Pure."""
