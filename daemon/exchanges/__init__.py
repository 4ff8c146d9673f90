"""Exchanges behind `actors.ports.Exchange`: the paper exchange and what it is made of."""
