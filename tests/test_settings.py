import dataclasses
from typing import Annotated, get_args

import pytest

from hourglass.settings import Setting, declared_settings
from hourglass.training.settings import TrainSettings


class Parent:
    def __init__(
        self,
        shape: tuple[int, ...],
        *,
        width: Annotated[int, Setting("units", ge=1, le=10)] = 4,
        name: Annotated[str | None, Setting("label")] = None,
    ) -> None: ...


class Child(Parent):
    def __init__(
        self,
        shape: tuple[int, ...],
        *,
        rate: Annotated[float, Setting("speed", gt=0, lt=1)] = 0.5,
        width: Annotated[int, Setting("fewer units", ge=1)] = 2,
        **settings: object,
    ) -> None: ...


class Closed(Parent):
    def __init__(self, *, only: Annotated[int, Setting("this one")] = 1) -> None: ...


class Undocumented:
    def __init__(self, *, width: int = 1) -> None: ...


def test_settings_are_the_keyword_only_arguments():
    assert list(declared_settings(Parent)) == ["width", "name"]


def test_a_setting_holds_its_type_default_doc_and_bounds():
    width, name = declared_settings(Parent).values()
    assert (width.name, width.type, width.default) == ("width", int, 4)
    assert (width.setting.doc, width.setting.bounds) == ("units", {"ge": 1, "le": 10})
    assert (name.type, name.default, name.setting.bounds) == (str | None, None, {})


def test_a_class_that_passes_keywords_on_inherits_and_overrides_settings():
    found = declared_settings(Child)
    assert list(found) == ["rate", "width", "name"]
    assert found["width"].default == 2
    assert found["rate"].setting.bounds == {"gt": 0, "lt": 1}


def test_a_class_that_passes_nothing_on_inherits_nothing():
    assert list(declared_settings(Closed)) == ["only"]


def test_a_setting_without_documentation_is_refused():
    with pytest.raises(TypeError, match="'width' must be annotated"):
        declared_settings(Undocumented)


def test_a_bound_of_zero_is_a_bound():
    assert Setting("share", ge=0).bounds == {"ge": 0}


def test_every_setting_of_the_loop_is_documented_and_every_number_bounded():
    declared = declared_settings(TrainSettings)
    assert list(declared) == [field.name for field in dataclasses.fields(TrainSettings)]
    for name, entry in declared.items():
        assert entry.setting.doc, name
        if {int, float} & {entry.type, *get_args(entry.type)}:
            assert entry.setting.bounds, name
