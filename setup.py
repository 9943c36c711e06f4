"""Which packages are built; everything else about the project is in pyproject.toml."""

from pathlib import Path

from setuptools import find_namespace_packages, setup

# Namespace discovery also takes folders that hold only data (prompts, migration templates),
# so a new sub-package or data folder needs no entry anywhere.
packages = find_namespace_packages(
    include=["lra", "lra.*", "sandbox", "sandbox.*"],
    exclude=["*.__pycache__", "*.__pycache__.*"],
)

# The examples sit at the top of the repository, where people look for them, and are installed
# inside lra, so that no package called "examples" ends up in anybody's environment.
package_dir = {}
if Path("examples").is_dir():
    packages.append("lra.examples")
    package_dir["lra.examples"] = "examples"

setup(packages=packages, package_dir=package_dir)
