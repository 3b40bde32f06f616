"""A stack's folder: what may be read of it, and never quoted."""

from __future__ import annotations

import os
from collections.abc import Iterable, Mapping
from pathlib import Path

from composegen.model import Build, Raw
from composegen.paths import exists, is_folder, leads_inside
from composegen.patterns import make_pattern
from composegen.planning.named import DOCKERFILES, ELSEWHERE
from composegen.system.files import read_small_text
from composegen.values import guess_default

_MOST_IGNORED = 64 * 1024


_ENV_LINE = make_pattern(r"\s*(?:export\s+)?([A-Za-z_][\w.-]*)\s*(?:[=:]|$)")


class Folder:
    """A stack's folder: reads what the stack names."""

    def __init__(self, path: Path) -> None:
        self.path = path
        self._dockerfiles: dict[Path, str | None] = {}
        self._own: dict[tuple[str, str], bool] = {}

    def look_at_build(self, options: Mapping[str, Raw]) -> Build:
        """A build with the facts of its Dockerfile."""
        context = str(options.get("context", "."))
        inline = options.get("dockerfile_inline")
        arguments = options.get("args")
        if isinstance(inline, str):
            text: str | None = inline
        else:
            text = self._read_dockerfile(context, str(options.get("dockerfile", "")))
        if text is None:
            return Build(options=options, lacks_file=self._lacks_dockerfile(options))
        from composegen.images.dockerfile import list_buildkit_needs, parse_dockerfile

        target = guess_default(str(options.get("target", "")))
        image = parse_dockerfile(
            text,
            target=target,
            arguments={
                name: str(value)
                for name, value in (
                    arguments if isinstance(arguments, dict) else {}
                ).items()
                if value is not None and "$" not in str(value)
            },
        )
        if image is None:
            is_plain = "$" not in str(options.get("target", ""))
            has_stages = is_plain and parse_dockerfile(text) is not None
            return Build(options=options, lacks_target=has_stages)
        return Build(
            options=options,
            base_image=image.base_image,
            shown_base=image.base_image if self._is_own(options) else "",
            user=image.user,
            has_healthcheck=image.has_healthcheck,
            exposed=image.exposed,
            tools=image.tools,
            buildkit=list_buildkit_needs(text),
        )

    def _lacks_dockerfile(self, options: Mapping[str, Raw]) -> bool:
        context, name = str(options.get("context", ".")), str(options.get("dockerfile"))
        if ELSEWHERE.match(context) or "$" in f"{context}{name}":
            return False
        names = [name] if options.get("dockerfile") else DOCKERFILES
        return not any(exists(self.path / context / each) for each in names)

    def _is_own(self, options: Mapping[str, Raw]) -> bool:
        """Whether a Dockerfile lies in this folder, whatever links lead to it."""
        if isinstance(options.get("dockerfile_inline"), str):
            return True
        context = guess_default(str(options.get("context", ".")))
        file = guess_default(str(options.get("dockerfile", "")))
        if (context, file) not in self._own:
            paths = [self.path / context / n for n in ([file] if file else DOCKERFILES)]
            self._own[context, file] = all(leads_inside(p, self.path) for p in paths)
        return self._own[context, file]

    def find_context(self, context: str) -> Path | None:
        """The folder of a build context, of a variable by its default.

        None for a URL, and where there is no such folder.
        """
        path = guess_default(context)
        if not path or "://" in path or path.startswith("git@"):
            return None
        folder = self.path / path
        return folder if is_folder(folder) else None

    def _read_dockerfile(self, context: str, name: str) -> str | None:
        folder = self.find_context(context)
        file = guess_default(name)
        if folder is None or (name and not file):
            return None
        name = file
        names = (name,) if name else DOCKERFILES
        path = next(
            (p for p in (folder / n for n in names) if exists(p)), folder / name
        )
        if path not in self._dockerfiles:
            self._dockerfiles[path] = read_small_text(path)
        return self._dockerfiles[path]

    def is_sent_to_build(self, path: str, build: Build) -> bool:
        """Whether a path next to the stack file is part of a build's context."""
        folder = self.find_context(build.context)
        if folder is None:
            return False
        inside = Path(os.path.relpath(self.path / path, folder)).as_posix()
        return not inside.startswith("..") and self._is_sent(inside, folder, build)

    def list_own_secrets(self, build: Build) -> tuple[str, ...]:
        """The `.secrets` and `.env` at the top of a build's context that are sent."""
        folder = self.find_context(build.context)
        if folder is None:
            return ()
        candidates = ((".secrets", ".secrets/any"), (".env", ".env"))
        return tuple(
            name
            for name, inside in candidates
            if exists(folder / name) and self._is_sent(inside, folder, build)
        )

    @staticmethod
    def _is_sent(inside: str, folder: Path, build: Build) -> bool:
        written = str(build.options.get("dockerfile", ""))
        dockerfile = guess_default(written) or "Dockerfile"
        for name in (f"{dockerfile}.dockerignore", ".dockerignore"):
            patterns = read_small_text(folder / name, most=_MOST_IGNORED)
            if patterns is not None:
                from composegen.images.dockerfile import is_ignored

                return not is_ignored(inside, patterns)
        return True

    def read_env_names(self, files: Iterable[Raw]) -> frozenset[str]:
        """The names that env files within the folder set; values are not kept."""
        names: set[str] = set()
        for item in files:
            name = item.get("path") if isinstance(item, dict) else item
            path = self.find_inside(guess_default(str(name)))
            text = read_small_text(path) if path is not None else None
            for line in (text or "").splitlines():
                match = _ENV_LINE.match(line)
                if match and not line.lstrip().startswith("#"):
                    names.add(match[1])
        return frozenset(names)

    def find_inside(self, name: str) -> Path | None:
        """The path of a name, or None where it leads out of the folder."""
        path = self.path / name
        return Path(os.path.realpath(path)) if leads_inside(path, self.path) else None
