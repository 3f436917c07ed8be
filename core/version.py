"""The version of the service, as health reports it."""

VERSION = "0.1.0"
