"""From a trained variant to ONNX graphs that say the same."""

import warnings
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import numpy as np
import onnx
import onnxruntime
import torch
from numpy.typing import NDArray
from torch import Tensor, nn

from hourglass.errors import HourglassError
from hourglass.models.shared.priors import Prior
from hourglass.models.shared.transformer import CodeTransformer
from hourglass.models.shared.variant import Variant
from hourglass.registry.operators import built_once
from hourglass.scores.mse import MSE
from hourglass.scores.shared.score import Score
from hourglass.scores.shared.seen import Seen

#: Largest difference between a graph and the net it came from, relative to the largest magnitude of the output (for
#: scores, where that is larger, the largest mean square of a row).
TOLERANCE = 1e-5
#: Codes that graphs are checked on, at most.
_CHECKED = 4096
#: A row whose margin is smaller may be rounded to another code by the graph than by the net, or compared with another
#: prototype.
_TIE = 1e-5
#: Graphs that all members of an ensemble are in.
_OF_ALL = {"reconstruct", "squares", "parts"}
#: What is made of differences of nearly equal numbers, so that its rounding is that of the rows.
_SCORED = {"score", "score_spread", "squares", "parts"}


@dataclass(frozen=True)
class Part:
    """A part of a variant that becomes a graph.

    Parameters
    ----------
    outputs : callable
        Gives named tensors for the inputs, in their order.
    inputs : dict of str to Tensor
        Example inputs by name, one entry per row.
    """

    outputs: Callable[..., Mapping[str, Tensor]]
    inputs: dict[str, Tensor]

    def __call__(self) -> Mapping[str, Tensor]:
        """Run the part on its examples."""
        return self.outputs(*self.inputs.values())


class _Graph(nn.Module):
    """A part as a module with named outputs."""

    def __init__(
        self, members: Sequence[Variant], scores: Sequence[Score], outputs: Callable[..., Mapping[str, Tensor]]
    ) -> None:
        super().__init__()
        self.model, *others = members
        self.others = nn.ModuleList(others)
        self.scores = nn.ModuleList(scores)
        self.outputs = outputs

    def forward(self, *inputs: Tensor) -> tuple[Tensor, ...]:
        return tuple(self.outputs(*inputs).values())


def parts_of(
    model: Variant,
    prior: Prior | None,
    x: Tensor,
    condition: Tensor | None = None,
    others: Sequence[Variant] = (),
    scores: Sequence[Score] = (),
) -> dict[str, Part]:
    """Name the parts of a variant that become graphs, with examples made of rows `x`.

    Of an ensemble rows are rebuilt and scored by all members. Codes are those of the first: what one member means by a
    code, another doesn't.

    Parameters
    ----------
    model : Variant
    prior : Prior or None
        What ``sample`` draws codes from; None where codes are drawn entry by entry, by ``step`` and ``decode_index``.
    x : Tensor of shape (rows, *shape)
    condition : Tensor of shape (rows, known) or None
        What a conditional variant is told of the rows: another input of each graph.
    others : sequence of Variant
        The other members of an ensemble.
    scores : sequence of Score
        How each member's rows are scored; by their mean squared error where none are given.
    """
    members = (model, *others)
    scores = scores or [MSE() for _ in members]
    beside = {} if condition is None else {"condition": condition}
    codes = model.encode(x, *beside.values())
    parts = {
        "encode": Part(model.encode, {"x": x} | beside),
        "decode": Part(lambda z, *told: {"x_hat": model.decode(z, *told)}, {"z": codes["z"]} | beside),
        "reconstruct": Part(lambda x, *told: _reconstruct(members, scores, x, *told), {"x": x} | beside),
    }
    if not isinstance(scores[0], MSE):
        parts["parts"] = Part(lambda x, *told: {"parts": _divided(members, scores, x, *told)}, {"x": x} | beside)
    elif others:
        parts["squares"] = Part(lambda x, *told: {"squares": _squares(members, x, *told)}, {"x": x} | beside)
    if prior is not None:
        noise = torch.randn(len(x), prior.noise, generator=torch.Generator().manual_seed(0))
        sample = Part(lambda noise, *told: {"x_hat": model.decode(prior(noise), *told)}, {"noise": noise} | beside)
        return parts | {"sample": sample}
    assert model.code_prior is not None  # noqa: S101
    return parts | {
        "step": _step(model.code_prior, codes["index"]),
        "decode_index": Part(lambda index: {"x_hat": model.decode_index(index)}, {"index": codes["index"]}),
    }


def _reconstruct(members: Sequence[Variant], scores: Sequence[Score], x: Tensor, *told: Tensor) -> dict[str, Tensor]:
    """Rebuild and score rows; of an ensemble give the means, and the standard deviation of the members' scores."""
    codes = [member.encode(x, *told) for member in members]
    rebuilt = [member.rebuild(x, of["z"], *told) for member, of in zip(members, codes, strict=True)]
    nets = zip(members, codes, rebuilt, strict=True)
    seen = [Seen.of(member, x, of, x_hat, *told) for member, of, x_hat in nets]
    judged = [score(part) for score, part in zip(scores, seen, strict=True)]
    if len(members) == 1:
        return {"x_hat": rebuilt[0], "score": judged[0]}
    of_members = torch.stack(judged)
    score = of_members.mean(0)
    spread = ((of_members - score).square().sum(0) / (len(members) - 1)).sqrt()
    return {"x_hat": torch.stack(rebuilt).mean(0), "score": score, "score_spread": spread}


def _squares(members: Sequence[Variant], x: Tensor, *told: Tensor) -> Tensor:
    """Average the squared residuals of all members: shape of `x`; what the score of an ensemble is made of."""
    return torch.stack([(member.reconstruct(x, *told) - x).square() for member in members]).mean(0)


def _divided(members: Sequence[Variant], scores: Sequence[Score], x: Tensor, *told: Tensor) -> Tensor:
    """Divide the scores among the numbers of rows, of an ensemble the mean of its members': shape of `x`."""
    seen = [Seen.by(member, x, *told) for member in members]
    return torch.stack([score.parts(part) for score, part in zip(scores, seen, strict=True)]).mean(0).view_as(x)


def _step(code_prior: CodeTransformer, index: Tensor) -> Part:
    """Make the graph of one place of the prior, with every place among its examples."""
    place = torch.arange(len(index)) % code_prior.length
    before = torch.where(place == 0, code_prior.entries, index[torch.arange(len(index)), place - 1])
    cache = torch.randn(code_prior.empty(len(index)).shape, generator=torch.Generator().manual_seed(0))

    def step(before: Tensor, place: Tensor, cache: Tensor) -> dict[str, Tensor]:
        log_probability, next_cache = code_prior.step(before, place, cache)
        return {"log_probability": log_probability, "next_cache": next_cache}

    return Part(step, {"before": before, "place": place, "cache": cache})


def export(
    model: Variant,
    prior: Prior | None,
    folder: Path,
    x: Tensor,
    condition: Tensor | None = None,
    others: Sequence[Variant] = (),
    scores: Sequence[Score] = (),
) -> None:
    """Write each graph as ``NAME.onnx`` and check it against the net.

    Parameters
    ----------
    model : Variant
        On the CPU.
    prior : Prior or None
        What new codes are drawn from; None where the variant's own `code_prior` draws them.
    folder : Path
    x : Tensor of shape (rows, *shape)
        Rows to check on; the first of many.
    condition : Tensor of shape (rows, known) or None
        What a conditional variant is told of them.
    others : sequence of Variant
        The other members of an ensemble, on the CPU.
    scores : sequence of Score
        How each member's rows are scored; by their mean squared error where none are given.

    Raises
    ------
    HourglassError
        A graph differs from the net by more than `TOLERANCE`, other than on rows at a tie.
    """
    members = [member.eval() for member in (model, *others)]
    some = slice(max(1, _CHECKED // max((score.decodings for score in scores), default=1)))
    x, condition = x[some], None if condition is None else condition[some]
    with torch.no_grad():
        decided = (torch.stack([member.margin(x) for member in members]).amin(0) > _TIE).numpy()
        if not decided.any():
            raise HourglassError(
                "every calibration row lies at a tie between two codes, so no graph can be checked against the net; "
                "the model was not packaged."
            )
        told = [] if condition is None else [condition]
        told_apart = decided & _told_apart(members, scores, x, *told)
        for name, part in parts_of(model, prior, x, condition, others, scores).items():
            path = folder / f"{name}.onnx"
            expected = part()
            of_all = name in _OF_ALL
            graph = _Graph(members if of_all else members[:1], scores if of_all else (), part.outputs)
            _write(graph, part, list(expected), path)
            checked = told_apart if name == "parts" else decided
            _check_parity(path, part, expected, checked if {"x", "z"} & part.inputs.keys() else slice(None))


def _told_apart(members: Sequence[Variant], scores: Sequence[Score], x: Tensor, *told: Tensor) -> NDArray[np.bool_]:
    """Tell which rows aren't at a tie between two prototypes, whose parts differ though the scores don't."""
    margins = [score.margin(Seen.by(member, x, *told)) for member, score in zip(members, scores, strict=False)]
    return (torch.stack([torch.full((len(x),), torch.inf), *margins]).amin(0) > _TIE).numpy()


def _write(graph: nn.Module, part: Part, outputs: list[str], path: Path) -> None:
    with warnings.catch_warnings(), built_once():
        # torch's exporter warns of its own use of torch.export
        warnings.simplefilter("ignore", FutureWarning)
        program = torch.onnx.export(
            graph.eval(),
            tuple(value[:2] for value in part.inputs.values()),
            input_names=list(part.inputs),
            output_names=outputs,
            dynamic_shapes=(tuple({0: torch.export.Dim.DYNAMIC} for _ in part.inputs),),
            dynamo=True,
            verbose=False,
        )
    assert program is not None  # noqa: S101
    proto = program.model_proto
    _strip_metadata(proto)
    onnx.checker.check_model(proto)
    path.write_bytes(proto.SerializeToString(deterministic=True))


def _strip_metadata(proto: Any) -> None:
    """Remove what the exporter notes about the source: paths and stack traces of this machine."""
    holders = [proto, proto.graph, *proto.functions, *proto.graph.node, *proto.graph.input, *proto.graph.output]
    holders += [*proto.graph.value_info, *proto.graph.initializer]
    for function in proto.functions:
        holders += [*function.node, *function.value_info]
    for holder in holders:
        del holder.metadata_props[:]
        holder.doc_string = ""


def _check_parity(path: Path, part: Part, expected: Mapping[str, Tensor], rows: Any) -> None:
    session = onnxruntime.InferenceSession(path.read_bytes(), providers=["CPUExecutionProvider"])
    given = {name: value.numpy() for name, value in part.inputs.items()}
    found: list[NDArray[Any]] = session.run(list(expected), given)
    for (name, tensor), values in zip(expected.items(), found, strict=True):
        reference = tensor.numpy()[rows]
        difference = np.abs(values[rows] - reference).max(initial=0)
        largest = np.abs(reference).max(initial=0)
        if name in _SCORED:
            largest = max(largest, part.inputs["x"].square().flatten(1).mean(1).max().item())
        if not difference <= TOLERANCE * largest:
            raise HourglassError(
                f"{path.name}: {name} differs from the net by {difference:.2g}, more than {TOLERANCE:g} of its largest "
                f"magnitude {largest:.2g}; the model was not packaged."
            )
