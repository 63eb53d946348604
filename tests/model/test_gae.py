from __future__ import annotations

import numpy as np
import pytest

torch = pytest.importorskip("torch")
from morpheus_gae.model.gae import LEAK, GraphUNet, PairAttention  # noqa: E402


def random_graph(n: int, p: int, seed: int):
    g = torch.Generator().manual_seed(seed)
    return torch.randint(0, n, (p,), generator=g), torch.randint(0, n, (p,), generator=g)


def test_attention_is_a_softmax_over_arriving_pairs_and_the_host_itself():
    torch.manual_seed(0)
    layer = PairAttention(6, 8, 2)
    x, (src, dst) = torch.randn(5, 6), random_graph(5, 12, 0)
    pf, bias = torch.randn(12, 5), torch.randn(12)
    out = layer(x, src, dst, pf, bias)
    left, right, edge = layer.left(x), layer.right(x), layer.edge(pf)
    for i in range(5):
        for h in range(2):
            cut = slice(4 * h, 4 * h + 4)
            arriving = torch.nonzero(dst == i)[:, 0]
            rows = [left[i] + right[i]] + [left[src[p]] + right[i] + edge[p] for p in arriving]
            logit = torch.stack(
                [torch.nn.functional.leaky_relu(r, LEAK)[cut] @ layer.attend[h] for r in rows]
            )
            logit[1:] += bias[arriving]
            values = torch.stack([left[i, cut]] + [left[src[p], cut] for p in arriving])
            torch.testing.assert_close(out[i, cut], torch.softmax(logit, 0) @ values)


def test_unet_keeps_ties_together_and_windows_apart():
    torch.manual_seed(0)
    unet = GraphUNet(8, 3)
    src, dst = random_graph(20, 60, 1)
    x = torch.randn(20, 8)
    alone = unet(x, src, dst, torch.zeros(20, dtype=torch.int64), 1)
    twice = unet(
        torch.cat([x, x]),
        torch.cat([src, src + 20]),
        torch.cat([dst, dst + 20]),
        torch.arange(2).repeat_interleave(20),
        2,
    )
    torch.testing.assert_close(twice[:20], alone)
    torch.testing.assert_close(twice[20:], alone)
    same = unet(torch.ones(20, 8), torch.arange(20), torch.arange(20), torch.zeros(20, dtype=torch.int64), 1)
    torch.testing.assert_close(same, same[:1].expand(20, -1))


def test_unet_does_not_depend_on_the_numbering():
    torch.manual_seed(0)
    unet = GraphUNet(8, 3)
    src, dst = random_graph(30, 90, 2)
    x, order = torch.randn(30, 8), torch.from_numpy(np.random.default_rng(0).permutation(30))
    where = torch.argsort(order)
    zeros = torch.zeros(30, dtype=torch.int64)
    torch.testing.assert_close(
        unet(x[order], where[src], where[dst], zeros, 1), unet(x, src, dst, zeros, 1)[order]
    )
