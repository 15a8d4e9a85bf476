"""The generated documents are current, and say something about everything."""

from dataclasses import dataclass

import pytest
from tools.docs import DOCUMENTS, ROOT, states
from tools.docs.configuration import option_texts

from stbernard.operations.machine import State


@pytest.mark.parametrize("name", DOCUMENTS)
def test_a_generated_document_is_current(name: str) -> None:
    assert (ROOT / name).read_text() == DOCUMENTS[name](), "run `make docs`"


def test_a_text_stands_for_the_options_above_it_that_have_none() -> None:
    @dataclass
    class Room:
        """[room]"""

        one: int = 1
        """The first."""
        two: int = 2
        three: int = 3
        """Both of these."""
        four: int = 4

    assert option_texts(Room) == {
        "one": "The first.",
        "two": "Both of these.",
        "three": "Both of these.",
    }


def test_every_state_is_in_the_diagram() -> None:
    diagram = states.render().split("```")[1]
    assert [state for state in State if state.replace(" ", "_") not in diagram] == []
