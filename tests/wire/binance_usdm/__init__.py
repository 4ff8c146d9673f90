"""A pretended Binance USDⓈ-M futures venue, for unmodified clients."""
