"""The built-in store of secrets (SEC-3): `<data_dir>/secrets/vault.json`, everything in it encrypted.

Each secret is encrypted under a key of its own, each of these under the master key, and the master key under a key made
from what `vault.key` names. Nothing in the file can be moved, renamed or set back alone without being noticed.
"""
