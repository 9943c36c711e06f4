"""Isolation by the Linux kernel alone: namespaces, Landlock, seccomp, limits. No daemon, no image.

`provider` runs in the owner; `jail` is the program that builds the room and becomes the guest; `kernel_calls`,
`filters` and `rooms` are its parts, and import nothing but the standard library.
"""

from sandbox.providers.local.provider import LocalProvider

__all__ = ["LocalProvider"]
