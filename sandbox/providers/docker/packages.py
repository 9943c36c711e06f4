"""Images with further packages: built once for every set of them, with network only while building."""

from __future__ import annotations

import json
from collections.abc import Mapping
from typing import TYPE_CHECKING, Any

from sandbox.errors import InvalidError, UnavailableError
from sandbox.packages import checked, complaints, culprits, fingerprint
from sandbox.providers.docker.image import ImageSettings, Progress, build_once

if TYPE_CHECKING:
    from docker import DockerClient

LABEL = "lra.sandbox.packages"
"""Says which packages an image was built with."""

_TRUST = (
    "if [ -s /certificates/ca.pem ]; then export PIP_CERT=/certificates/ca.pem SSL_CERT_FILE=/certificates/ca.pem"
    " NODE_EXTRA_CA_CERTS=/certificates/ca.pem; fi"
)
# The wheels stay in a stage of their own; so does everything that an installation could leave behind.
_PIP = f"""\
FROM ${{BASE}} AS packages
ARG PIP_OPTIONS=""
LABEL lra.sandbox.stage=packages
USER root
COPY wheels /wheels
COPY certificates /certificates
COPY pip.txt /pip.txt
RUN {_TRUST}; \\
    /opt/kernel/bin/python -m pip install --no-cache-dir --disable-pip-version-check --no-input \\
      --find-links /wheels ${{PIP_OPTIONS}} --requirement /pip.txt
"""
_APT = f"""\
COPY apt.txt /run/apt.txt
RUN {_TRUST}; export DEBIAN_FRONTEND=noninteractive; \\
    apt-get update && xargs -a /run/apt.txt apt-get install -y --no-install-recommends -- \\
    && rm -rf /var/lib/apt/lists /var/cache/apt /run/apt.txt
"""
# Programs in every folder look for modules below the root at last.
_NPM = f"""\
ARG NPM_OPTIONS=""
RUN {_TRUST}; export DEBIAN_FRONTEND=noninteractive; \\
    command -v npm >/dev/null || \\
    {{ apt-get update && apt-get install -y --no-install-recommends nodejs npm && rm -rf /var/lib/apt/lists; }}
COPY npm.txt /run/npm.txt
RUN {_TRUST}; export HOME=/tmp/npm; \\
    mkdir -p /opt/npm && cd /opt/npm && ln -s /opt/npm/node_modules /node_modules \\
    && xargs -a /run/npm.txt npm install --prefix /opt/npm --no-fund --no-audit --no-update-notifier --no-progress \\
      --loglevel=error ${{NPM_OPTIONS}} -- \\
    && find /opt/npm/node_modules/.bin -type l -exec ln -sf {{}} /usr/local/bin/ ';'; \\
    done=$?; rm -rf /tmp/npm /run/npm.txt; exit $done
"""
_END = """\
RUN rm -rf /certificates; find / -xdev -perm /6000 -type f -exec chmod ug-s {} +
USER 10001:10001
"""


def ensure_packages(
    client: DockerClient,
    base: str,
    packages: Mapping[str, tuple[str, ...]],
    settings: ImageSettings,
    progress: Progress,
) -> str:
    """Return the tag of an image with further packages, built once for each set of them. Blocks.

    Args:
        client: The engine.
        base: The image that the packages are added to.
        packages: Names by package manager: pip, npm or apt.
        settings: Where packages come from.
        progress: Told what is done.

    Raises:
        InvalidError: A name is none, a manager is not known, or a package cannot be installed.
    """
    wanted = checked(packages)
    if not wanted:
        return base
    identity = client.images.get(base).id
    tag = f"{base.rpartition(':')[0] or base}:packages-" + fingerprint(wanted, identity, *settings.options)[:16]
    files = {f"{manager}.txt": "".join(f"{name}\n" for name in names).encode() for manager, names in wanted.items()}
    files["Dockerfile"] = _dockerfile(wanted).encode()
    arguments = {"BASE": base, **settings.arguments}
    arguments = {name: value for name, value in arguments.items() if f"ARG {name}" in files["Dockerfile"].decode()}
    labels = {LABEL: json.dumps(wanted, sort_keys=True)}
    said: list[str] = []

    def told(line: str) -> None:
        said.append(line)
        progress(line)

    try:
        build_once(client, tag, files, arguments, settings, told, labels=labels)
    except UnavailableError as error:
        names = ", ".join(culprits([*said, error.message], wanted))
        why = complaints(said) or error.message
        raise InvalidError(f"The packages cannot be installed because of {names}: {why}") from error
    return tag


def _dockerfile(wanted: Mapping[str, list[str]]) -> str:
    text = "ARG BASE\n" + (_PIP if "pip" in wanted else "") + "FROM ${BASE}\nUSER root\n"
    if wanted.keys() & {"apt", "npm"}:
        text += "COPY certificates /certificates\n"
    text += (_APT if "apt" in wanted else "") + (_NPM if "npm" in wanted else "")
    text += "COPY --from=packages /opt/kernel /opt/kernel\n" if "pip" in wanted else ""
    return text + _END


def cached(client: DockerClient) -> list[dict[str, Any]]:
    """Return the images with packages that there are: tag, packages, bytes and when each was made. Blocks.

    Args:
        client: The engine.
    """
    found = []
    for image in client.images.list(filters={"label": LABEL}):
        for tag in image.tags:
            found.append(
                {
                    "image": tag,
                    "packages": json.loads(image.labels[LABEL]),
                    "size": int(image.attrs["Size"]),
                    "created": str(image.attrs["Created"]),
                }
            )
    return sorted(found, key=lambda each: str(each["image"]))
