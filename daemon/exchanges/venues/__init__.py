"""One small file per exchange: what differs from the others."""
