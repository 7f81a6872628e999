"""What the controller says of itself: what runs, what it let through, what it refused last."""

from dataclasses import dataclass

import numpy as np
from scpo_ros.interface.refusal import RefusalKind


@dataclass(frozen=True)
class Acknowledgement:
    """What the controller says of itself."""

    theta: np.ndarray  # (d,), of the running policy
    version: int  # running
    digest: str
    ready: int  # newest version that was let through
    refused: int  # version refused last, -1 for none
    refused_kind: RefusalKind
    refused_reason: str
    refusals: int
    refused_x0: np.ndarray = None  # (n,) of the counterexample, empty for none
    refused_w: np.ndarray = None  # (H n,)
    model_valid: int = 1  # whether certificates count at present
    model_reason: str = ''  # why not
    claim_kind: str = ''  # what the controller itself established for what runs
