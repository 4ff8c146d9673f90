"""Backups: made online into one file, listed, verified, restored into a fresh folder."""
