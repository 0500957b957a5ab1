"""The MuJoCo models of the Controls, from the files that Gymnasium installs."""

from __future__ import annotations

from importlib import resources
from pathlib import Path

import gymnasium
import mujoco
import numpy as np


def load_model(name: str, inertia: str = "compiled") -> mujoco.MjModel:
    """Compile one of Gymnasium's model files, for example `half_cheetah`.

    Parameters
    ----------
    name : the file's name without its suffix.
    inertia : "compiled", or "2.1.0": the masses and inertias that MuJoCo 2.1.0, the last to approximate those of a
        capsule, computed from the same file. With them MuJoCo 3.3.0 reproduces a single step of 2.1.0 to 1e-11.
    """
    assets = Path(gymnasium.__file__).parent / "envs" / "mujoco" / "assets"
    model = mujoco.MjModel.from_xml_path(str(assets / f"{name}.xml"))
    if inertia == "2.1.0":
        with resources.as_file(resources.files("environments") / "data" / "mujoco_2_1_0_models.npz") as path:
            recorded = np.load(path)
            for field in ("body_mass", "body_inertia", "body_ipos", "body_iquat"):
                getattr(model, field)[:] = recorded[f"{name}/{field}"]
        mujoco.mj_setConst(model, mujoco.MjData(model))
    return model
