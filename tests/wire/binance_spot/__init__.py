"""A simulated Binance spot venue: REST, ws-api and market streams."""
