"""Puts what `make` has written, and what else pages link to, beside the pages."""

from pathlib import Path

from mkdocs.config.defaults import MkDocsConfig
from mkdocs.structure.files import File, Files

ROOT = Path(__file__).parents[1]
SHOWN = (
    "results/**/*.md", "results/**/*.png", "results/**/*.csv", "cotfaith/models/**/README.md",
    "cotfaith/truth/*.py", "cotfaith/plugins/intervention.py", "cotfaith/cues/professor.py",
    "CONTRIBUTING.md", "CHANGELOG.md", "CITATION.cff",
)  # fmt: skip


def on_files(files: Files, config: MkDocsConfig) -> Files:
    """Add them as pages and files of the site."""
    for pattern in SHOWN:
        for path in sorted(ROOT.glob(pattern)):
            name = path.relative_to(ROOT).as_posix()
            files.append(File.generated(config, name, abs_src_path=str(path)))
    return files
