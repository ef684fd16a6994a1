"""Where to drill next: by hand on a line, against trying all cells, invariants, messages."""

import numpy as np
import pandas as pd
import pytest

from helpers.applicability import ApplicabilityDomain
from helpers.drilling import MOST_CELLS, next_sites
from helpers.storage import ContractError


def line(*values):
    return pd.DataFrame({"MAAT": np.array(values, dtype=float)})


def along(n):
    """Places 1 km apart."""
    return np.column_stack([1000.0 * np.arange(n), np.zeros(n)])


@pytest.fixture(scope="module")
def domain():
    """Sites at 0, 1 and 3, whose unit is 2 (see test_applicability)."""
    return ApplicabilityDomain(line(0, 1, 3))


@pytest.fixture(scope="module")
def survey():
    """Domain of 20 sites, 300 cells that reach beyond them, their places."""
    random = np.random.default_rng(5)
    train = pd.DataFrame(random.normal(size=(20, 3)), columns=["A", "B", "C"])
    cells = pd.DataFrame(random.normal(0, 2, (300, 3)), columns=["B", "C", "A"])
    return ApplicabilityDomain(train), cells, random.uniform(0, 1e5, (300, 2))


def test_two_boreholes_on_a_line_by_hand(domain):
    """Indices 0, 1.2, 2, 3.1: a hole at 7 makes 0, 0.8, 0, 1.1; one at 9.2 leaves only 0.8."""
    cells = line(0, 5.4, 7, 9.2)
    assert domain.dissimilarity(cells).tolist() == pytest.approx([0, 1.2, 2, 3.1])
    places = next_sites(domain, cells, along(4), n_sites=2)
    assert places.index.tolist() == [2, 3]
    assert places["x"].tolist() == [2000, 3000]
    assert places["dissimilarity_index"].tolist() == pytest.approx([2, 1.1])
    assert places["mean_dissimilarity"].tolist() == pytest.approx([1.9 / 4, 0.8 / 4])
    assert places["gain"].tolist() == pytest.approx([4.4 / 4, 1.1 / 4])
    assert domain.threshold == pytest.approx(1.0)
    assert places["share_inside"].tolist() == [0.75, 1.0]


def test_a_cell_that_counts_more_is_drilled_first(domain):
    """Weight 10 at 5 outdoes the others; the means, of 0, 1, 2, 3 and 0, 0, 1, 2, have none."""
    places = next_sites(domain, line(0, 5, 7, 9), along(4), 1, weight=[1, 10, 1, 1])
    assert places.index.tolist() == [1]
    assert places["mean_dissimilarity"].iloc[0] == pytest.approx(0.75)
    assert places["gain"].iloc[0] == pytest.approx(0.75)
    cold = next_sites(domain, line(0, 5, 7, 9), along(4), 4, weight=[1, 10, 0, 0])
    assert cold.index.tolist() == [1], "cells that count nothing are drilled for nobody"
    assert next_sites(domain, line(0, 5), along(2), weight=[0, 0]).empty


def test_each_choice_is_the_best_of_all_cells_tried_one_by_one(survey):
    """The program that tries: a new domain for each candidate, in the units of the first."""
    domain, cells, xy = survey
    places = next_sites(domain, cells, xy, 4)
    centre, scale, sites = domain.parameters
    points = (cells[["A", "B", "C"]].to_numpy() - centre) * scale
    for cell, mean in places["mean_dissimilarity"].items():
        trials = [
            np.linalg.norm(points[:, None] - np.vstack([sites, point]), axis=2).min(axis=1).mean()
            for point in points
        ]
        assert cell == np.argmin(trials)
        assert mean == pytest.approx(min(trials))
        sites = np.vstack([sites, points[cell]])


def test_no_place_is_picked_twice_and_the_mean_never_rises(survey):
    domain, cells, xy = survey
    places = next_sites(domain, cells, xy, 40)
    assert places.index.is_unique
    assert (places["mean_dissimilarity"].diff().dropna() < 0).all()
    assert (places["gain"] > 0).all() and (places["gain"].diff().dropna() <= 1e-12).all()
    assert places["share_inside"].is_monotonic_increasing
    before = domain.dissimilarity(cells).mean()
    assert places["gain"].cumsum().to_numpy() == pytest.approx(
        before - places["mean_dissimilarity"].to_numpy()
    )


def test_cells_that_gain_the_same_are_taken_in_their_order(domain):
    """Two pairs of the same cells: the first of each pair; nothing is left for a third."""
    places = next_sites(domain, line(7, 7, -4, -4), along(4), n_sites=3)
    assert places.index.tolist() == [0, 2]
    again = next_sites(domain, line(7, 7, -4, -4), along(4), n_sites=3)
    pd.testing.assert_frame_equal(places, again)


def test_the_columns_may_stand_in_any_order_and_more_of_them_do_no_harm(survey):
    domain, cells, xy = survey
    other = cells[["C", "A", "B"]].assign(slope=np.nan)
    pd.testing.assert_frame_equal(
        next_sites(domain, cells, xy, 2), next_sites(domain, other, xy, 2)
    )


def test_what_cannot_be_used_is_named(domain):
    cells, xy = line(0, np.nan, 7), along(3)
    with pytest.raises(ContractError, match=r"cells: 1 of 3 rows .* first is row 1\. Leave"):
        next_sites(domain, cells, xy)
    with pytest.raises(ContractError, match=r"predictor MAAT missing\. Found: TDD"):
        next_sites(domain, cells.rename(columns={"MAAT": "TDD"}), xy)
    good = line(0, 5, 7)
    with pytest.raises(ContractError, match=r"xy has shape \(2, 2\); \(3, 2\)"):
        next_sites(domain, good, xy[:2])
    with pytest.raises(ContractError, match=r"weight goes from -1 to 2"):
        next_sites(domain, good, xy, weight=[-1, 0, 2])
    with pytest.raises(ContractError, match="weight: 1 of 3 rows"):
        next_sites(domain, good, xy, weight=[np.nan, 0, 2])
    with pytest.raises(ContractError, match="n_sites is 0"):
        next_sites(domain, good, xy, 0)
    many = line(*np.zeros(MOST_CELLS + 1))
    with pytest.raises(ContractError, match=r"4,001 cells; 1 to 4,000"):
        next_sites(domain, many, along(len(many)))
