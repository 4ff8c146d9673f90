"""The daemon: composition root, API, configuration, exchanges, store and observation."""
