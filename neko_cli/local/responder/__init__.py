"""The built-in offline responder: small, honest that it is small, and useful."""
