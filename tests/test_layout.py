"""The walls of the house: which wing may import which, held against the imports."""

from __future__ import annotations

import ast
from collections.abc import Iterator
from pathlib import Path

import pytest

ROOT = Path(__file__).parent.parent
GROUND = {"errors", "progress"}
STAGES = {"settings", "warehouse", "model", "evaluation"}
# a wing, or a room set apart inside it, and the wings that it may import beside itself and the ground
ALLOWED: dict[str, set[str]] = {
    "errors": set(),
    "progress": set(),
    "settings": set(),
    "warehouse": {"settings"},
    "ingestion": {"settings", "warehouse"},
    "model": {"settings", "warehouse"},
    "evaluation": {"settings", "warehouse", "model"},
    "training": STAGES,
    "scoring": STAGES,
    "monitoring": STAGES,
    "pages": {*STAGES, "monitoring"},
    "serving": {"settings", "warehouse", "model", "pages"},
    "proof": {*STAGES, "ingestion", "training", "scoring", "monitoring"},
    "jobs": {*STAGES, "ingestion", "training", "scoring", "monitoring", "pages", "serving", "proof"},
}
# rooms of `serving` that stand above the rest of it, and the rooms of `serving` that each may import
SERVING: dict[str, set[str]] = {
    "api": set(),
    "dashboard": {"api"},
    "hook": {"api"},
    "app": {"api", "dashboard", "hook"},
}
# a package, and the places that may import it
ONLY_IN = {
    "sklearn": ("training/",),
    "scipy": ("training/",),
    "fastapi": ("serving/app.py", "serving/api/", "serving/dashboard/", "serving/hook/"),
    "starlette": ("serving/app.py", "serving/api/", "serving/dashboard/", "serving/hook/"),
    "cli": (),
    "churn_duck_cli": (),
}
MOST_LINES, MOST_ROOMS = 300, 15


def imports(path: Path) -> Iterator[str]:
    """Dotted names that a file imports, wherever in it, a type checker's own included."""
    for node in ast.walk(ast.parse(path.read_text(encoding="utf-8"))):
        if isinstance(node, ast.ImportFrom) and node.module:
            yield from (f"{node.module}.{name.name}" for name in node.names)
        elif isinstance(node, ast.Import):
            yield from (name.name for name in node.names)


def violations(package: Path) -> list[str]:
    """Every import of `churn_duck/` that the tables forbid, as `room imports name`."""
    wrong = []
    for path in sorted(package.rglob("*.py")):
        room = path.relative_to(package).as_posix()
        wrong += [f"{room} imports {name}" for name in imports(path) if is_forbidden(room, name)]
    return wrong


def is_forbidden(room: str, name: str) -> bool:
    top, *inside = name.split(".")
    if top != "churn_duck":
        return top in ONLY_IN and not room.startswith(ONLY_IN[top] or "\0")
    if not inside or inside[0].startswith("__"):
        return False
    wing, target = room.split("/", maxsplit=1)[0].removesuffix(".py"), inside[0]
    if target != wing:
        return wing in ALLOWED and target not in ALLOWED[wing] | GROUND
    part = room.split("/")[1].removesuffix(".py") if "/" in room else ""
    if wing == "serving" and len(inside) > 1 and inside[1] in SERVING and inside[1] != part:
        return inside[1] not in SERVING.get(part, set())
    return False


def circles(package: Path) -> list[str]:
    """Modules that import one another, by whatever way round."""
    modules = {".".join(path.relative_to(package.parent).with_suffix("").parts): path for path in package.rglob("*.py")}
    reads = {
        module: {name if name in modules else name.rpartition(".")[0] for name in imports(path)} & modules.keys()
        for module, path in modules.items()
    }
    while free := {module for module, names in reads.items() if not names & reads.keys()}:
        reads = {module: names for module, names in reads.items() if module not in free}
    return sorted(reads)


def test_no_wing_imports_what_stands_above_it() -> None:
    assert violations(ROOT / "churn_duck") == []


def test_no_two_modules_import_each_other() -> None:
    assert circles(ROOT / "churn_duck") == []


def test_every_wing_is_in_the_table() -> None:
    there = {path.stem for path in (ROOT / "churn_duck").glob("[!_]*") if path.suffix in ("", ".py")} - {"sql", "py"}
    assert there == set(ALLOWED)


@pytest.mark.parametrize(
    ("room", "line"),
    [
        ("scoring/score.py", "from churn_duck.training.train import train"),
        ("model/registry.py", "from sklearn.pipeline import Pipeline"),
        ("warehouse/store.py", "import churn_duck.model.registry"),
        ("pages/html.py", "    import fastapi"),
        ("serving/api/answers.py", "from churn_duck.serving.dashboard import routes"),
        ("jobs/run.py", "from churn_duck_cli.app import app"),
        ("settings/schema.py", "from churn_duck import model"),
    ],
)
def test_a_planted_import_is_caught(tmp_path: Path, room: str, line: str) -> None:
    path = tmp_path / "churn_duck" / room
    path.parent.mkdir(parents=True)
    path.write_text(f"def planted() -> None:\n    {line.strip()}\n")
    assert [wrong.split(" ")[0] for wrong in violations(tmp_path / "churn_duck")] == [room]


def test_a_planted_circle_is_caught(tmp_path: Path) -> None:
    for name, other in (("a", "b"), ("b", "c"), ("c", "a"), ("d", "a")):
        (tmp_path / f"{name}.py").write_text(f"from {tmp_path.name}.{other} import anything\n")
    assert circles(tmp_path) == [f"{tmp_path.name}.{name}" for name in "abcd"]


def test_no_module_is_long_and_no_folder_full() -> None:
    long = {
        path.relative_to(ROOT).as_posix(): lines
        for folder in ("churn_duck", "cli")
        for path in (ROOT / folder).rglob("*.py")
        if (lines := len(path.read_text(encoding="utf-8").splitlines())) > MOST_LINES
    }
    folders = [folder for name in ("churn_duck", "cli") for folder in (ROOT / name).rglob("*") if folder.is_dir()]
    full = [folder.name for folder in folders if len(list(folder.glob("[!_]*.py"))) > MOST_ROOMS]
    assert (long, full) == ({}, [])
