"""`terrace init`: what it asks, who does it, what it tells."""
