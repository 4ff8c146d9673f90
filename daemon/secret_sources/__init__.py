"""Where secrets can be read from, one small file each. `daemon.secrets` is the door to all of them."""
