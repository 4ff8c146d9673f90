"""The daemon's face: gRPC servicers, who may call them, and what leaves as an error."""
