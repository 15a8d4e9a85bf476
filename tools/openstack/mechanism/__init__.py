"""Puts the lab's mechanism driver where Neutron finds it."""

import shutil
from pathlib import Path

_DISTRIBUTION = "stbernard_lab_ml2-1.dist-info"
_FILES = {
    "METADATA": "Metadata-Version: 2.1\nName: stbernard-lab-ml2\nVersion: 1\n",
    "entry_points.txt": (
        "[neutron.ml2.mechanism_drivers]\nstbernard_lab = stbernard_lab_ml2:LabMechanismDriver\n"
    ),
}


def install(folder: Path) -> None:
    """Make `folder` one that, in PYTHONPATH, offers the driver `stbernard_lab`."""
    described = folder / _DISTRIBUTION
    described.mkdir(parents=True, exist_ok=True)
    for name, text in _FILES.items():
        (described / name).write_text(text)
    shutil.copy(Path(__file__).with_name("stbernard_lab_ml2.py"), folder)
