"""The MuJoCo models of the Controls, from the files that Gymnasium installs."""

from __future__ import annotations

from pathlib import Path

import gymnasium
import mujoco


def load_model(name: str) -> mujoco.MjModel:
    """Compile one of Gymnasium's model files, for example `half_cheetah`."""
    assets = Path(gymnasium.__file__).parent / "envs" / "mujoco" / "assets"
    return mujoco.MjModel.from_xml_path(str(assets / f"{name}.xml"))
