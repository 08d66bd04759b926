"""Make torchvision importable before the tests ask for peft, which needs it."""

from mtlbench.engine.compat import import_torchvision

import_torchvision()
