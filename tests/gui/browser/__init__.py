"""The panel in a real browser, against a running daemon with the paper exchange."""
