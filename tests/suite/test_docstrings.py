from __future__ import annotations

from dataclasses import dataclass, make_dataclass

from suite.docstrings import field_docstrings


@dataclass
class Host:
    size: int = 1
    """Size of the host,
    in two lines."""
    rate: float = 0.1
    """The host's rate."""
    untold: int = 0


class TestInside:
    @dataclass
    class Extension(Host):
        rate: float = 0.2
        """The extension's own rate."""
        window: int = 3
        """Its window."""

    def test_texts_below_fields_are_found_those_of_the_extension_first(self) -> None:
        assert field_docstrings(self.Extension) == {
            "size": "Size of the host,\nin two lines.",
            "rate": "The extension's own rate.",
            "window": "Its window.",
        }


def test_a_class_without_a_source_has_none() -> None:
    assert field_docstrings(make_dataclass("Made", [("size", int, 1)])) == {}
