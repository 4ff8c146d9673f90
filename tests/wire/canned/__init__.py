"""A venue of canned answers on a loopback socket: what goes out is recorded, what comes back is as it was recorded."""
