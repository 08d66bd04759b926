"""The contract, for tuners of every family."""

import pytest

pytest.importorskip("peft")

from mtlbench.testing.adapter_contract import AdapterContract
from mtlbench_peft.adapter import Peft


class TestLoRA(AdapterContract):
    def make(self, tasks):
        return Peft(tasks, tuner="lora", r=4, lora_dropout=0.1)


class TestDoRA(AdapterContract):
    def make(self, tasks):
        return Peft(tasks, tuner="lora", r=4, use_dora=True, roles=("fc1", "fc2", "reduction"))


class TestVeRA(AdapterContract):
    def make(self, tasks):
        return Peft(tasks, tuner="vera", r=8)


class TestIA3(AdapterContract):
    def make(self, tasks):
        return Peft(tasks, tuner="ia3", trains=())


class TestOFT(AdapterContract):
    def make(self, tasks):
        return Peft(tasks, tuner="oft", oft_block_size=4)


class TestBOFT(AdapterContract):
    def make(self, tasks):
        return Peft(tasks, tuner="boft", boft_block_size=4)


class TestLoHa(AdapterContract):
    def make(self, tasks):
        return Peft(tasks, tuner="loha", r=4)


class TestLoKr(AdapterContract):
    def make(self, tasks):
        return Peft(tasks, tuner="lokr", r=4)


class TestFourierFT(AdapterContract):
    starts_pretrained = False  # by default its spectrum is drawn from a normal law

    def make(self, tasks):
        return Peft(tasks, tuner="fourierft", n_frequency=16, scaling=10.0)


class TestFourierFTFromZero(AdapterContract):
    def make(self, tasks):
        return Peft(tasks, tuner="fourierft", n_frequency=16, scaling=10.0, init_weights=True)


class TestTunedNorms(AdapterContract):
    def make(self, tasks):
        return Peft(tasks, tuner="ln_tuning", roles=("norm1", "norm2"), trains=())
