"""The ROS package: one executable per node module; launch files, configuration and weights in its share folder."""

from pathlib import Path
from xml.etree import ElementTree

from setuptools import find_packages, setup

# launch, config and models are links to the repository's folders: colcon needs data files below this one.
SHARED_FOLDERS = ("launch", "config", "models")

manifest = ElementTree.parse("package.xml").getroot()


def text(tag: str) -> str:
    return (manifest.findtext(tag) or "").strip()


def shared_files() -> list[tuple[str, list[str]]]:
    """(folder below the install prefix, files) of everything in the shared folders."""
    folders: dict[str, list[str]] = {}
    for top in SHARED_FOLDERS:
        for path in sorted(Path(top).rglob("*")):
            if path.is_file() and "__pycache__" not in path.parts:
                folders.setdefault(f"share/dactyl/{path.parent}", []).append(str(path))
    return list(folders.items())


nodes = sorted(path.stem for path in Path("dactyl/nodes").glob("[!_]*.py"))

setup(
    name="dactyl",
    version=text("version"),
    description=text("description"),
    license=text("license"),
    maintainer=text("maintainer"),
    maintainer_email=manifest.find("maintainer").attrib["email"],
    packages=find_packages(include=["dactyl", "dactyl.*"]),
    package_data={"": ["py.typed", "**/*.yaml"]},
    python_requires=">=3.10",
    zip_safe=False,
    extras_require={"test": ["pytest"]},  # by which `colcon test` knows how; the folder test is a link to all tests
    data_files=[
        ("share/ament_index/resource_index/packages", ["resource/dactyl"]),
        ("share/dactyl", ["package.xml"]),
        *shared_files(),
    ],
    entry_points={
        "console_scripts": [f"{node} = dactyl.nodes.{node}:main" for node in nodes],
        "ros2launch.option": ["dactyl = dactyl.bringup.launch_option:BesideFrontDoor"],
    },
)
