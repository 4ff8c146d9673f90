"""The real daemon of the API's tests."""

from tests.daemon.api.conftest import serve

__all__ = ["serve"]
