"""Published affinities and results lead to the published groups.

Numbers: Fifty et al. (NeurIPS 2021), public code google-research/tag, `network_selection/*.ipynb`, whose
rule of search leads to these groups; Standley et al. (ICML 2020), public code tstandley/taskgrouping,
`network_selection/{results,results_test}.txt`. Tasks of Taskonomy: (s)emantics, (d)epth, (n)ormals,
(k)eypoints, edge (t)exture.
"""

from __future__ import annotations

import itertools

import pytest

from mtlbench.grouping.affinity import Affinity
from mtlbench.grouping.search import Candidate, best_cover

#: inter-task affinity: a row's task receives from a column's
TAG = """
    s         d         n         k         t
s   -         0.115374  0.048910  0.004547  0.008776
d   0.413559  -         0.291415  0.013537  0.073957
n   0.139824  0.220962  -         0.010494  0.076460
k   0.021099  0.013366  0.010729  -         0.689736
t   0.056692  0.036683  0.036007  0.303721  -
"""
#: cosines of gradients, summed over training
COSINES = """
    s         d         n         k         t
s   -         0.259569  0.242372  0.054060  0.088640
d   0.259569  -         0.911583  0.091531  0.156465
n   0.242372  0.911583  -         0.145885  0.280140
k   0.054060  0.091531  0.145885  -         2.968082
t   0.088640  0.156465  0.280140  2.968082  -
"""
#: validation loss of a row's task when it trains with a column's, or alone
PAIRS = """
    s       d       n       t       k
s   0.0509  0.0528  0.0471  0.0606  0.0655
d   0.2636  0.2616  0.2551  0.2675  0.2674
n   0.1004  0.1002  0.0975  0.1082  0.1110
t   0.0287  0.0423  0.0310  0.0337  0.0232
k   0.0972  0.1068  0.0568  0.0933  0.0910
"""
#: losses of all networks (setting 1): on the images that choose, then on the test images
NETWORKS = """
s      .08039                             | .07662
d      .1695                              | .1696
n      .08591                             | .08555
k      .0895                              | .08847
t      .02783                             | .0275
sd     .07858 .1833                       | .07419 .1831
sn     .074 .0997                         | .07084 .0994
sk     .07722 .09718                      | .07369 .09601
st     .07897 .04462                      | .07504 .044
dn     .1695 .09275                       | .1694 .09249
dk     .1706 .09318                       | .1713 .08882
dt     .1748 .03192                       | .1753 .03145
nk     .08968 .09181                      | .08934 .09077
nt     .09358 .02908                      | .09327 .02865
kt     .09185 .03488                      | .09077 .0344
sdn    .07498 .1698 .09575                | .07193 .17 .09544
sdk    .07699 .1782 .09704                | .07311 .1785 .09591
sdt    .07893 .1863 .04559                | .07617 .1865 .04474
snk    .0722 .09919 .0961                 | .06933 .09966 .09302
snt    .07222 .0982 .03689                | .06859 .09796 .03625
skt    .0766 .09342 .03508                | .07323 .09232 .03463
dnk    .1654 .09358 .09253                | .1658 .09318 .09143
dnt    .1708 .09396 .03286                | .1706 .09362 .03239
dkt    .1793 .09073 .02937                | .1795 .08968 .02887
nkt    .09626 .09024 .02609               | .09596 .08921 .02566
sdnk   .07762 .1822 .09869 .1015          | .07338 .1826 .09836 .1003
sdnt   .07576 .1735 .09718 .04513         | .07249 .1739 .09689 .04441
sdkt   .0795 .1797 .09272 .04141          | .07634 .1801 .09157 .04097
snkt   .07369 .09944 .09697 .03312        | .07111 .09941 .09464 .03328
dnkt   .1708 .09392 .09334 .02803         | .1704 .09356 .09226 .02768
sdnkt  .07854 .1864 .1 .09814 .04453      | .07603 .186 .09976 .09704 .04395
"""
#: networks of half the size for one task, which cost half
HALVES = (
    "s .08021 | .07742",
    "d .1739 | .1737",
    "n .08965 | .08932",
    "k .09264 | .09203",
    "t .03313 | .03268",
)


def received(table: str) -> tuple[list[str], dict[tuple[str, str], float]]:
    """Read a table whose rows receive: (giver, receiver) -> number."""
    head, *rows = (line.split() for line in table.strip().splitlines())
    pairs = {(giver, row[0]): z for row in rows for giver, z in zip(head, row[1:], strict=True)}
    return head, {pair: float(z) for pair, z in pairs.items() if z != "-"}


def groups(found: Affinity, budget: float) -> set[str]:
    cover = best_cover(found.candidates(), found.tasks, budget)
    return {"".join(sorted(group.tasks, key="sdnkt".index)) for group in cover.groups}


@pytest.mark.parametrize("table", [TAG, COSINES])
def test_inter_task_affinity_and_cosines_of_taskonomy(table):
    found = Affinity.of("tag", *received(table))
    assert groups(found, 2) == {"sdn", "kt"}
    assert groups(found, 3) == groups(found, 4) == {"sd", "dn", "kt"}


def test_inter_task_affinity_scores_as_published():
    found = Affinity.of("tag", *received(TAG))
    assert best_cover(found.candidates(), found.tasks, 2).score == pytest.approx(0.321696, abs=1e-6)
    assert best_cover(found.candidates(), found.tasks, 3).score == pytest.approx(0.348670, abs=1e-6)


@pytest.mark.parametrize(
    "budget, expected, loss",
    [(2, {"nk", "sdnt"}, 0.10186), (3, {"nk", "kt", "sdn"}, 0.09792), (4, {"sn", "dn", "nk", "kt"}, 0.09648)],
)
def test_higher_order_approximation_of_taskonomy(budget, expected, loss):
    tasks, losses = received(PAIRS)
    alone = {task: -losses[task, task] for task in tasks}
    found = Affinity.of("hoa", tasks, {pair: -loss for pair, loss in losses.items()}, alone)
    assert groups(found, budget) == expected
    assert -best_cover(found.candidates(), found.tasks, budget).score == pytest.approx(loss, abs=1e-5)


def networks(lines: tuple[str, ...], cost: float) -> list[tuple[Candidate, Candidate]]:
    """Return (losses that choose, losses on the test images) of each network, as scores."""
    found = []
    for line in lines:
        (tasks, *chosen), test = (half.split() for half in line.split("|"))
        found.append(
            tuple(
                Candidate({task: -float(loss) for task, loss in zip(tasks, losses, strict=True)}, cost)
                for losses in (chosen, test)
            )
        )
    return found


WHOLE = networks(tuple(NETWORKS.strip().splitlines()), 1.0)
HALF = networks(HALVES, 0.5)
TEST = {(choosing.tasks, choosing.cost): test for choosing, test in WHOLE + HALF}


def total_on_test_images(candidates: list[Candidate], budget: float) -> float:
    """Return the total test loss of the cover that is best on the images that choose."""
    chosen = [TEST[group.tasks, group.cost] for group in best_cover(candidates, "sdnkt", budget).groups]
    return -sum(max(group.scores[task] for group in chosen if task in group.scores) for task in "sdnkt")


def exhaustively(candidates: list[Candidate], budget: float) -> float:
    """Return the least total loss of all sets of networks within the budget, one after another."""
    best = float("inf")
    whole, half = ([c for c in candidates if c.cost == cost] for cost in (1.0, 0.5))
    for many in range(int(budget) + 1):
        for chosen in itertools.combinations(whole, many):
            for few in range(min(len(half), int(2 * (budget - many))) + 1):
                for more in itertools.combinations(half, few):
                    scores = {
                        t: max((c.scores[t] for c in (*chosen, *more) if t in c.scores), default=-1e9)
                        for t in "sdnkt"
                    }
                    best = min(best, -sum(scores.values()))
    return best


@pytest.mark.parametrize("budget", [1, 1.5, 2, 2.5])
def test_the_best_networks_for_an_inference_budget(budget):
    candidates = [choosing for choosing, _ in WHOLE + HALF]
    found = best_cover(candidates, "sdnkt", budget)
    assert -5 * found.score == pytest.approx(exhaustively(candidates, budget))  # a mean over tasks


def test_pairs_predict_groups_that_test_images_confirm():
    """Choosing by the mean of pairs loses less than half of what choosing by all networks wins over one."""
    scores = {choosing.tasks: choosing.scores for choosing, _ in WHOLE}
    pairs = {
        (giver, receiver): scores[tuple(sorted((giver, receiver)))][receiver]
        for giver, receiver in itertools.permutations("sdnkt", 2)
    }
    alone = {task: scores[(task,)][task] for task in "sdnkt"}
    predicted = [*Affinity.of("hoa", "sdnkt", pairs, alone).candidates(), *(choosing for choosing, _ in HALF)]
    known = [choosing for choosing, _ in WHOLE + HALF]
    one = total_on_test_images(known, 1)
    for budget in (2, 3, 4):
        best, guessed = (total_on_test_images(candidates, budget) for candidates in (known, predicted))
        assert best <= guessed + 1e-9 and one - guessed > (one - best) / 2
