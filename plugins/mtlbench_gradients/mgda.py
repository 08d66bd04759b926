"""The multiple-gradient descent algorithm."""

from __future__ import annotations

from torch import Tensor

from mtlbench.contracts.balancer import GradientBalancer, Gradients
from mtlbench_gradients.simplex import min_norm


class MGDA(GradientBalancer):
    """Follow the shortest vector of the convex hull of the tasks' gradients.

    Sener and Koltun, NeurIPS 2018, eq. 3: α = argmin ‖Σ_t α_t g_t‖² over the simplex, here exactly, by
    solving every face. No task's loss rises along it. A gradient of zero takes all weight: nothing can then
    be said to fall for every task.
    """

    def combine(self, step: Gradients) -> Tensor:
        """Return α (K,)."""
        return min_norm(step.gram)


class MGDAUB(MGDA):
    """MGDA on the gradients by the features between backbone and decoder, which bound those by parameters.

    Sener and Koltun, NeurIPS 2018, eq. 4; the trunk then takes one backward pass.
    """

    compares = "representation"
