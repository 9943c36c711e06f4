"""Sandboxes in containers of a Docker engine."""

from sandbox.providers.docker.provider import DockerProvider

__all__ = ["DockerProvider"]
