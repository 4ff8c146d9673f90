"""The webhook forwarder: HTTP in, gRPC out, a durable spool between.

It judges what needs no engine (size, JSON, secret or signature, address, age, flood) and hands the alert to the daemon.
What the daemon does not acknowledge in time goes to the spool and is delivered from there until it is acknowledged.
It reads its own part of the configuration and runs while the daemon is down.

The same alert may reach the daemon twice (a lost answer, a crash between delivery and the note of it). That is harmless
by SIG-7 because both times carry the same bytes, the same `receive_time` (the first arrival) and the same `request_id`.
A `request_id` goes along only if the sender gave one as `Idempotency-Key`: an own one per arrival would hide from the
daemon that TradingView sent the same alert twice. Without one the daemon compares content and arrival times.
"""
