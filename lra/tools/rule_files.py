"""The files of rules: the person's own, and the project's."""

from __future__ import annotations

import asyncio
import os
from contextlib import suppress
from pathlib import Path

from lra.config import Settings, config_dir
from lra.errors import ConfigError, LraError
from lra.policy import LEVELS, Mistake, Policy, Rule, parse, removed, written
from lra.policy.reading import HEAD
from lra.store.whole_file import replace_file

NAME = "permissions.toml"
_MOST_BYTES = 1_000_000

Sign = tuple[int, int, int] | None


def user_file() -> Path:
    """Return the person's own file, which may not be there yet."""
    return config_dir() / NAME


class RuleFiles:
    """Keeps a policy at what the files say.

    Args:
        policy: The rules of a session.
        settings: Which folder the project is, and whether it is trusted.
    """

    def __init__(self, policy: Policy, settings: Settings) -> None:
        self.policy = policy
        self._trusted = settings.trusted
        self.user = user_file()
        self.project = settings.folder / ".lra" / NAME
        self._signs: dict[Path, Sign] = {}
        self._read = False

    async def keep(self, rule: Rule) -> None:
        """Write a rule to the end of the person's own file; see `add`."""
        await asyncio.to_thread(self.add, rule)

    async def refresh(self) -> list[str]:
        """Read the files again when one has changed; return what the person should be told of them."""
        return await asyncio.to_thread(self.refresh_now)

    def refresh_now(self) -> list[str]:
        """Read the files again when one has changed; blocks."""
        signs = {path: _sign(path) for path in (self.user, self.project)}
        if self._read and signs == self._signs:
            return []
        self._signs, self._read = signs, True
        rules: list[Rule] = []
        mistakes: list[Mistake] = []
        told: list[str] = []
        for path, level in ((self.user, LEVELS[2]), (self.project, LEVELS[1])):
            if signs[path] is None:
                continue
            try:
                text = _text(path)
            except (OSError, ValueError) as error:
                mistakes.append(Mistake(str(path), 0, f"it cannot be read ({_reason(error)})"))
                continue
            found, wrong = parse(text, level, str(path))
            rules += found
            mistakes += wrong
            loosening = sum(rule.action == "allow" for rule in found)
            if path == self.project and loosening and not self._trusted:
                told.append(
                    f"{path} allows tools ({loosening} {'rule' if loosening == 1 else 'rules'}): "
                    "ignored until you trust this folder (run `lra init --trust`)."
                )
        self.policy.set_files(rules, mistakes, trusted=self._trusted)
        return [*told, *map(str, mistakes)]

    def add(self, rule: Rule) -> None:
        """Write a rule to the end of the person's own file; blocks.

        Raises:
            LraError: The file cannot be written, or has a mistake.
        """
        before = self._before(self.user)
        _, mistakes = parse(before, "user", str(self.user))
        if mistakes:
            raise ConfigError(f"Nothing was added: {mistakes[0].place}: {mistakes[0].text}.", hint="Mend it first.")
        gap = "\n" if before and not before.endswith("\n") else ""
        text = f"{before or HEAD}{gap}\n{written(rule)}"
        found, mistakes = parse(text, "user", str(self.user))
        if mistakes or found[-1].when != rule.when or found[-1].tool != rule.tool:
            raise LraError(f"The rule cannot be written as text: {rule}.", hint="Allow it for the session.")
        self._write(self.user, text)

    def remove(self, rule: Rule) -> None:
        """Take a rule out of the file it stands in; blocks.

        Raises:
            LraError: The file cannot be written, or has changed.
        """
        path = Path(rule.origin.path)
        before = self._before(path)
        level = rule.origin.level
        rules, mistakes = parse(before, level, str(path))
        text = removed(before, rule.origin.line)
        left, _ = parse(text, level, str(path))
        if (
            mistakes
            or rule not in rules
            or [str(each) for each in left] != [str(each) for each in rules if each != rule]
        ):
            raise LraError(f"{rule.origin} could not be taken out by itself.", hint="Edit the file: /permissions edit")
        self._write(path, text)

    def read(self) -> str:
        """Return the person's own file, or how one begins; blocks.

        Raises:
            LraError: The file cannot be read.
        """
        return self._before(self.user) or HEAD

    def replace(self, text: str) -> None:
        """Write the person's own file anew; blocks. Mistakes in it are told by the policy.

        Raises:
            LraError: The file cannot be written.
        """
        self._write(self.user, text)

    def _before(self, path: Path) -> str:
        try:
            return _text(path)
        except FileNotFoundError:
            return ""
        except (OSError, ValueError) as error:
            raise LraError(f"{path} cannot be read: {_reason(error)}.") from None

    def _write(self, path: Path, text: str) -> None:
        try:
            path.parent.mkdir(mode=0o700, parents=True, exist_ok=True)
            # A link, as people who keep their settings elsewhere have, stays one.
            replace_file(path.resolve() if path.is_symlink() else path, text.encode())
        except OSError as error:
            raise LraError(f"{path} cannot be written: {error.strerror}.") from None
        self.refresh_now()


def _sign(path: Path) -> Sign:
    with suppress(OSError, ValueError):
        found = path.stat()
        return found.st_mtime_ns, found.st_size, found.st_ino
    return (0, 0, 0) if os.path.lexists(path) else None


def _text(path: Path) -> str:
    with path.open("rb") as file:
        data = file.read(_MOST_BYTES + 1)
    if len(data) > _MOST_BYTES:
        raise ValueError("it is too large")
    return data.decode("utf-8")


def _reason(error: OSError | ValueError) -> str:
    if isinstance(error, UnicodeDecodeError):
        return "it is not UTF-8"
    return error.strerror or str(error) if isinstance(error, OSError) else str(error)
