"""Existence head and mixture of flow types of a window's pairs: by Triton where it runs, else by torch."""

from __future__ import annotations

from dataclasses import dataclass

import torch
from torch import Tensor
from torch.nn import functional as F

from morpheus_gae.executors.cuda.dispatch import has_triton, power_of_two
from morpheus_gae.executors.cuda.encoder import by_parts
from morpheus_gae.executors.cuda.memory_keys import DeviceMemory, Found
from morpheus_gae.executors.cuda.tail import DeviceTail
from morpheus_gae.model.gae import GAE, MIX_FLOOR
from morpheus_gae.model.spec import PROFILE_NUMBERS

BY_KERNEL = True
"""False leaves all of it to torch."""
SINCE = (3, 3)
"""Triton whose compiler takes the products, see ``cuda_edge``."""
COLUMNS = 32
"""Inputs of a first layer as the kernels hold them, some of them 0."""
EXISTENCE = (*range(6), *range(8, 12), *range(16, 21), *range(24, 29))
"""Where among them the existence head's lie: counts, seen flags, classes of source and destination."""


@dataclass(frozen=True)
class PairModel:
    """What is known of any pair.

    Attributes
    ----------
    net
        Weights.
    tail
        Calibration of the existence head.
    existence
        float32: its weights as the kernel reads them, one behind the other: first layer [32, 64], bias,
        second, bias, head, bias, tail (x, y, m, k).
    context
        float32, likewise: first layer [32, 32] without the embeddings' part, bias, second [32, K], bias, tau.
    product, ends
        float32 [Z, 32] and [Z, 64]: the embeddings' part, of their product and of source and destination;
        None without an encoder.
    """

    net: GAE
    tail: DeviceTail
    existence: Tensor
    context: Tensor | None = None
    product: Tensor | None = None
    ends: Tensor | None = None

    @classmethod
    def of(cls, net: GAE, tail: DeviceTail) -> PairModel:
        """Lay out what the kernels read."""
        one, _, two, _, three = net.existence
        first = one.weight.new_zeros(COLUMNS, one.out_features)
        first[list(EXISTENCE)] = one.weight.T
        existence = _one_behind_the_other(
            first, one.bias, two.weight.T, two.bias, three.weight, three.bias, tail.packed
        )
        if not net.spec.flow_types:
            return cls(net, tail, existence)
        one, _, two = net.context
        first = one.weight.new_zeros(COLUMNS, one.out_features)
        first[:PROFILE_NUMBERS] = one.weight.T[:PROFILE_NUMBERS]
        context = _one_behind_the_other(first, one.bias, two.weight.T, two.bias, F.softplus(net.tau))
        if not net.spec.attention:
            return cls(net, tail, existence, context)
        product, of_src, of_dst = one.weight[:, PROFILE_NUMBERS:].split(net.spec.embedding, 1)
        ends = torch.cat([of_src.T, of_dst.T], 1).contiguous()
        return cls(net, tail, existence, context, product.T.contiguous(), ends)


def _one_behind_the_other(*parts: Tensor) -> Tensor:
    return torch.cat([part.reshape(-1) for part in parts])


def existence_torch(
    found: Found,
    flags: Tensor,
    src: Tensor,
    dst: Tensor,
    memory: DeviceMemory,
    model: PairModel,
    biased: bool,
) -> tuple[Tensor, Tensor | None]:
    """How strange it is that a pair talks.

    Parameters
    ----------
    found
        Rows in memory.
    flags
        float32 [N, 5] address classes.
    src, dst
        int64 [P].
    memory, model
        Counters and weights.
    biased
        The encoder wants to know as well.

    Returns
    -------
    calibrated
        float32 [P]: the pair's part of a surprise.
    bias
        float32 [P]: ln of the probability that the pair would talk; or None.
    """
    near = found.near
    there, back = (memory.of_pair[row.long()] for row in (near.forward, near.reverse))
    of_src, of_dst = (memory.of_host[near.host[end].long()] for end in (src, dst))
    counts = [there[:, 0], back[:, 0], of_src[:, 0], of_src[:, 8], of_dst[:, 0], of_dst[:, 8]]
    seen = [rows[:, 7] for rows in (there, back, of_src, of_dst)]
    known = torch.cat([torch.log1p(torch.stack(counts, 1)) / 4, torch.stack(seen, 1)], 1)
    strange = -model.net.existence_logit(known, flags[src], flags[dst])
    return model.tail(strange), -F.softplus(strange) if biased else None


def mixture_torch(
    found: Found, src: Tensor, dst: Tensor, memory: DeviceMemory, model: PairModel, z: Tensor | None
) -> Tensor:
    """float32 [P, K]: shares of the flow types; ``z`` is float32 [N, Z] embeddings of hosts, or None."""
    near, profile = found.near, list[Tensor]()
    for counters in (
        memory.of_pair[near.forward.long()],
        memory.of_host[near.host[src].long()],
        memory.of_host[near.host[dst].long(), 8:],
    ):
        count = counters[:, :1]
        profile += [torch.log1p(count) / 4, (count > 0).to(torch.float32), counters[:, 1:7]]
    numbers, (first, _, last) = torch.cat(profile, 1), model.net.context
    hidden = first(numbers) if z is None else by_parts(first, numbers, z, src, dst)
    tau, types = F.softplus(model.net.tau), memory.types[near.forward.long()].float()
    share = tau * torch.softmax(last(torch.relu_(hidden)), 1) + types
    share = share / (tau + types.sum(1, keepdim=True))
    return ((1 - MIX_FLOOR) * share + MIX_FLOOR / types.shape[1]).contiguous()


def both_torch(
    found: Found, flags: Tensor, src: Tensor, dst: Tensor, memory: DeviceMemory, model: PairModel
) -> tuple[Tensor, Tensor]:
    """float32 [P] of `existence_torch` and float32 [P, K] of `mixture_torch`, without an encoder between."""
    calibrated, _ = existence_torch(found, flags, src, dst, memory, model, False)
    return calibrated, mixture_torch(found, src, dst, memory, model, None)


def existence(
    found: Found,
    flags: Tensor,
    src: Tensor,
    dst: Tensor,
    memory: DeviceMemory,
    model: PairModel,
    biased: bool,
) -> tuple[Tensor, Tensor | None]:
    """`existence_torch`, by the kernel where that runs."""
    if _runs(src):
        from morpheus_gae.executors.cuda.triton import pairs as triton_pairs

        return triton_pairs.existence(found, flags, src, dst, memory, model, biased)
    return existence_torch(found, flags, src, dst, memory, model, biased)


def mixture(
    found: Found, src: Tensor, dst: Tensor, memory: DeviceMemory, model: PairModel, z: Tensor | None
) -> Tensor:
    """`mixture_torch`, by the kernel where that runs."""
    if _fits(memory, z) and _runs(src):
        from morpheus_gae.executors.cuda.triton import pairs as triton_pairs

        return triton_pairs.mixture(found, src, dst, memory, model, z)
    return mixture_torch(found, src, dst, memory, model, z)


def both(
    found: Found, flags: Tensor, src: Tensor, dst: Tensor, memory: DeviceMemory, model: PairModel
) -> tuple[Tensor, Tensor]:
    """`both_torch`, by one kernel where that runs: they read the same rows of memory."""
    if _fits(memory, None) and _runs(src):
        from morpheus_gae.executors.cuda.triton import pairs as triton_pairs

        return triton_pairs.both(found, flags, src, dst, memory, model)
    calibrated, _ = existence(found, flags, src, dst, memory, model, False)
    return calibrated, mixture(found, src, dst, memory, model, None)


def _runs(src: Tensor) -> bool:
    return BY_KERNEL and has_triton(src.device, SINCE) and bool(src.shape[0])


def _fits(memory: DeviceMemory, z: Tensor | None) -> bool:
    # tl.dot wants 16 and more on a side
    sides = (memory.types.shape[1], *(() if z is None else (z.shape[1],)))
    return all(side >= 16 and power_of_two(side) for side in sides)
