"""Options of a config are held against the constructor of the class that takes them."""

import pytest

from mtlbench.engine.config import Component, ConfigError
from mtlbench.engine.options import check_options


class Base:
    def __init__(self, tasks, every=1):
        self.tasks, self.every = tasks, every


class Passing(Base):
    def __init__(self, tasks, rate, **options):
        super().__init__(tasks, **options)


class Handing(Base):
    """Hand what it doesn't know on to a package."""

    checks_options = True

    def __init__(self, tasks, rate, **options):
        super().__init__(tasks)
        self.options = options


def check(target, **options):
    check_options("balancer", Component(type="it", **options), target)


def test_options_that_are_passed_up_are_those_of_the_class_above():
    check(Passing, rate=1, every=2)
    with pytest.raises(
        ConfigError, match="has no option 'evry'. Did you mean \"every\"?.*takes: every, rate"
    ):
        check(Passing, rate=1, evry=2)


def test_a_class_that_hands_options_on_is_asked_itself():
    check(Handing, rate=1, anything=2)
    with pytest.raises(ConfigError, match="needs the option 'rate'"):
        check(Handing, anything=2)
