"""The Gymnasium ids of the task families.

An id is `suite/` and the family's words, capitalised and joined, with the family's own version or `-v0`:
`suite/CheetahVel-v0`, `suite/PointGoal2d-v0`, `suite/Reach-v1`. Importing `environments` registers them;
`gymnasium.make("environments:suite/CheetahVel-v0")` imports it by itself.
"""

from __future__ import annotations

import re

from gymnasium.envs.registration import register, registry

from environments.registry import family_names, family_spec


def environment_id(family: str) -> str:
    """Return a family's Gymnasium id."""
    words, version = re.fullmatch(r"(.+?)(-v\d+)?", family).groups()  # type: ignore[union-attr]
    return f"suite/{''.join(word.capitalize() for word in words.split('-'))}{version or '-v0'}"


def register_families() -> None:
    """Register every family with Gymnasium, once."""
    for name in family_names():
        if environment_id(name) not in registry:
            register(
                environment_id(name),
                entry_point="environments.gymnasium_env:FamilyEnvironment",
                max_episode_steps=family_spec(name).horizon,
                kwargs={"family": name},
            )
