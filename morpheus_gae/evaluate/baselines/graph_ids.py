"""GraphIDS (Guerra et al. 2025, arXiv:2509.16625): E-GraphSAGE with a reconstructing Transformer.

Both are trained together on benign flows: sequences of 512 embeddings go through one encoder and one decoder
layer of width 48, with 15 % of the attention masked in training; the score of a flow is the reconstruction
error of its embedding. Gradients also pass through the target, as in the original. Difference: the original
chooses epoch and threshold on labelled validation flows; here the number of passes is fixed and no label is
read.
"""

from __future__ import annotations

import numpy as np
import numpy.typing as npt
import torch
from torch import Tensor, nn

from morpheus_gae.evaluate.baselines.log_columns import logs_of
from morpheus_gae.evaluate.baselines.sage import Sage, Scale, Window, latest, windows_of
from morpheus_gae.flows.frame import Flows
from morpheus_gae.train.train import one_thread

F32 = npt.NDArray[np.float32]
HOST, FLOW, WIDTH, HEADS, FEED = 16, 96, 48, 4, 256
SEQUENCE = 512
MASKED = 0.15
DROPPED = 0.6
WINDOW = 16_384
PASSES = 20
RATE = 1e-3


class Rebuilder(nn.Module):
    """The graph layer followed by the Transformer."""

    def __init__(self, columns: int) -> None:
        super().__init__()
        self.sage = Sage(columns, HOST, FLOW, ones=False)
        self.drop = nn.Dropout(DROPPED)
        self.into, self.out = nn.Linear(FLOW, WIDTH), nn.Linear(WIDTH, FLOW)
        shape = {"d_model": WIDTH, "nhead": HEADS, "dim_feedforward": FEED, "dropout": 0.0}
        self.encoder = nn.TransformerEncoderLayer(**shape, batch_first=True)
        self.decoder = nn.TransformerDecoderLayer(**shape, batch_first=True)

    def forward(self, window: Window) -> Tensor:
        """Return the mean squared error of each flow's embedding, [E]."""
        z = self.drop(self.sage(window))
        flows = z.shape[0]
        short = -flows % SEQUENCE
        given = torch.cat([z, z.new_zeros(short, FLOW)]).view(-1, SEQUENCE, FLOW)
        absent = torch.arange(flows + short).view(-1, SEQUENCE) >= flows
        x = self.into(given)
        mask = None
        if self.training:
            upper = torch.triu(torch.rand(SEQUENCE, SEQUENCE) < MASKED, 1)
            mask = upper | upper.T
        memory = self.encoder(x, src_mask=mask, src_key_padding_mask=absent)
        y = self.decoder(
            x, memory, tgt_mask=mask, tgt_key_padding_mask=absent, memory_key_padding_mask=absent
        )
        error: Tensor = (self.out(y) - given).square().mean(2).view(-1)[:flows]
        return error


class GraphIds:
    """The baseline; ``seed`` of weights, dropout and masks."""

    def __init__(self, seed: int) -> None:
        self.seed = seed

    def fit(self, flows: Flows) -> None:
        """Train both parts on windows in their order."""
        flows = latest(flows)
        self.scale = Scale.of(logs_of(flows))
        with one_thread():
            torch.manual_seed(self.seed)
            windows = list(windows_of(flows, WINDOW, self.scale))
            self.net = Rebuilder(windows[0].x.shape[1])
            optimiser = torch.optim.AdamW(
                [
                    {"params": self.net.sage.parameters(), "weight_decay": 0.6},
                    {"params": [p for n, p in self.net.named_parameters() if not n.startswith("sage.")]},
                ],
                lr=RATE,
                weight_decay=0.04,
            )
            self.net.train()
            for _ in range(PASSES):
                for window in windows:
                    loss = self.net(window).mean()
                    optimiser.zero_grad()
                    loss.backward()
                    nn.utils.clip_grad_norm_(self.net.parameters(), 1.0)
                    optimiser.step()
            self.net.eval()

    @torch.no_grad()
    def score(self, flows: Flows) -> F32:
        """Return the reconstruction error of each flow's embedding."""
        with one_thread():
            errors = [self.net(window).numpy() for window in windows_of(flows, WINDOW, self.scale)]
        return np.concatenate(errors) if errors else np.zeros(0, np.float32)
