"""Terrace from outside: real processes, real sockets, real files, the CLI and HTTP as users have them."""
