"""The Bybit v5 venue as its clients see it: a unified account with spot and linear (USDT perpetual) markets."""
