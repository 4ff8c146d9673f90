"""Terrace as its packages bring it: what is in them, and every way of installing them."""
