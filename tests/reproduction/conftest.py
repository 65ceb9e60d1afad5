"""Small batches are fastest on one thread, and tests that run side by side do not fight for cores."""

import torch

torch.set_num_threads(1)
