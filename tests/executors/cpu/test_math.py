from __future__ import annotations

import numpy as np
import pytest
from numba import njit

from morpheus_gae.executors.cpu.bins import bin_at, bucket_starts, ended
from morpheus_gae.executors.cpu.dense import ROWS, dense, layer_of
from morpheus_gae.executors.cpu.intrinsics import product_of_four
from morpheus_gae.executors.cpu.math import exp_fast, log_fast, probability_fast
from morpheus_gae.executors.cpu.tail import map_tail, tail_of
from morpheus_gae.model.bins import bin_of, fit_edges
from morpheus_gae.model.calibration import TailMap, fit_tail


@njit
def logs(x, out):
    for i in range(x.shape[0]):
        out[i] = log_fast(x[i])


@njit
def exps(x, out):
    for i in range(x.shape[0]):
        out[i] = exp_fast(x[i])


@njit
def probabilities(x, out):
    for i in range(x.shape[0]):
        out[i] = probability_fast(x[i])


@njit
def bins(x, edges, starts, out):
    for i in range(x.shape[0]):
        out[i] = bin_at(x[i], edges, starts)


@njit
def products(a, b, c, d, out):
    for i in range(out.shape[0]):
        out[i] = product_of_four(a, 32 * i, b, 0, c, 32, d, i)


def applied(kernel, x):
    out = np.empty_like(x)
    kernel(x, out)
    return out


def test_logarithm():
    rng = np.random.default_rng(0)
    x = np.exp(rng.uniform(-80, 80, 5000)).astype(np.float32)
    np.testing.assert_allclose(applied(logs, x), np.log(x.astype(float)), rtol=4e-7, atol=1e-7)
    near = rng.uniform(0.5, 2, 5000).astype(np.float32)
    np.testing.assert_allclose(applied(logs, near), np.log(near.astype(float)), rtol=4e-7)
    assert applied(logs, np.ones(1, np.float32))[0] == 0


def test_exponential():
    x = -np.random.default_rng(1).uniform(0, 85, 5000).astype(np.float32)
    np.testing.assert_allclose(applied(exps, x), np.exp(x.astype(float)), rtol=1e-6)
    assert applied(exps, np.zeros(1, np.float32))[0] == 1
    assert applied(exps, np.float32([-1e30]))[0] < 1e-37


def test_probability_keeps_small_surprises_and_stays_below_one():
    s = np.exp(np.random.default_rng(2).uniform(-20, 8, 5000)).astype(np.float32)
    p = applied(probabilities, s)
    np.testing.assert_allclose(p, -np.expm1(-s.astype(float)), rtol=3e-6)
    assert (p <= 1).all()
    assert applied(probabilities, np.zeros(1, np.float32))[0] == 0


def test_bins_are_those_of_the_reference():
    rng = np.random.default_rng(3)
    sample = np.concatenate([np.repeat(rng.integers(0, 3000, 60), 40), rng.integers(0, 10**6, 4000)])
    edges = fit_edges(sample.astype(np.float32))
    x = np.concatenate([sample, edges, np.nextafter(edges, 0), [0, 0.5, 1e30, np.inf]]).astype(np.float32)
    out = np.empty(x.shape[0], np.int32)
    bins(x, ended(edges), bucket_starts(edges), out)
    np.testing.assert_array_equal(out, bin_of(edges, x))


@pytest.mark.parametrize("k", [3.0, np.inf])
@pytest.mark.parametrize("steps", [1, 8, 4096])
def test_tail_is_the_reference_map_and_increases(k, steps):
    rng = np.random.default_rng(4)
    tail = fit_tail(np.concatenate([rng.normal(0, 1e-3, 500), rng.exponential(3, 2000)]), k=k)
    x = np.sort(np.concatenate([rng.normal(0, 4, 4000), tail.x, [-1e6, 1e6]])).astype(np.float32)
    out = np.empty_like(x)
    map_tail(x, tail_of(tail, steps), np.empty(x.shape[0], np.int32), out)
    np.testing.assert_allclose(out, tail(x), rtol=1e-5, atol=1e-6)
    assert (np.diff(out) >= -1e-6).all()


def test_tail_of_a_single_knot():
    tail = TailMap(np.float32([2.0]), np.float32([1.5]), np.float32([0.5, np.inf]))
    x = np.float32([0, 2, 3])
    out = np.empty_like(x)
    map_tail(x, tail_of(tail), np.empty(x.shape[0], np.int32), out)
    np.testing.assert_allclose(out, [0.5, 1.5, 3.5])


@pytest.mark.parametrize(("inputs", "outputs"), [(20, 64), (5, 1), (1, 6), (24, 32)])
def test_dense_is_a_linear_layer(inputs, outputs):
    rng = np.random.default_rng(5)
    w = rng.normal(size=(outputs, inputs)).astype(np.float32)
    b = rng.normal(size=outputs).astype(np.float32)
    layer = layer_of({"l.weight": w, "l.bias": b}, "l")
    x = rng.normal(size=(inputs, ROWS)).astype(np.float32)
    y = np.empty((layer.w.shape[0], ROWS), np.float32)
    dense(x, layer, y)
    np.testing.assert_allclose(y[:outputs], w @ x + b[:, None], rtol=1e-4, atol=1e-5)
    assert (y[outputs:] == 0).all()


def test_product_of_four_rows():
    rng = np.random.default_rng(6)
    a, b, c, d = (rng.random(n).astype(np.float32) for n in (160, 32, 64, 40))
    out = np.empty(5, np.float32)
    products(a, b, c, d, out)
    want = [(a[32 * i : 32 * i + 32] * b * c[32:] * d[i : i + 32]).sum() for i in range(5)]
    np.testing.assert_allclose(out, want, rtol=1e-5)
