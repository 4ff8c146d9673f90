"""The CLI, the gRPC client and the webhook forwarder."""
