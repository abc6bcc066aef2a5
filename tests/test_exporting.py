"""Tests export without being watched."""

import sys

import torch

from tests import exporting


def test_coverage_looks_on_after_an_export() -> None:
    tracer = sys.gettrace()
    exporting.export(torch.nn.SiLU().eval(), (torch.ones(2, 3),), dynamo=True, verbose=False)
    assert sys.gettrace() is tracer
