"""Tests export faster than torch does, and the same."""

import sys

import torch

from tests import exporting


def test_a_graph_by_the_kept_table_of_operators_is_the_one_that_torch_writes() -> None:
    net, x = torch.nn.Sequential(torch.nn.Linear(3, 2), torch.nn.SiLU()).eval(), torch.ones(2, 3)
    _, quick, slow = (
        export(net, (x,), dynamo=True, verbose=False).model_proto.SerializeToString(deterministic=True)
        for export in (exporting.export, exporting.export, exporting._export)
    )
    assert quick == slow


def test_coverage_looks_on_after_an_export() -> None:
    tracer = sys.gettrace()
    exporting.export(torch.nn.SiLU().eval(), (torch.ones(2, 3),), dynamo=True, verbose=False)
    assert sys.gettrace() is tracer
