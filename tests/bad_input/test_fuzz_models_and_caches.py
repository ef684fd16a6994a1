"""Whatever is done to the bytes of a kept file: it is refused by name, or gives what was saved.

``FUZZ_EXAMPLES`` in the environment makes a longer campaign of it.
"""

import os
import zipfile

import numpy as np
import pytest
from bad_input import good_study
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from helpers import products, validation
from helpers.error_model import load_error_model
from helpers.forest import load_forest
from helpers.products.journal import read_journal
from helpers.storage import ContractError, read_json, read_known, read_table
from helpers.study import StudyError, load_study

EXAMPLES = int(os.environ.get("FUZZ_EXAMPLES", "25"))
fuzz = settings(
    max_examples=EXAMPLES,
    derandomize=True,
    deadline=None,
    database=None,
    suppress_health_check=[HealthCheck.function_scoped_fixture, HealthCheck.too_slow],
)


@st.composite
def damage(draw):
    """A change of the bytes of any file: cut, overwritten, a piece lost or doubled."""
    kind = draw(st.sampled_from(("cut", "flip", "write", "lose", "double")))
    place, length = draw(st.floats(0, 1)), draw(st.integers(1, 64))
    fill = draw(st.binary(min_size=1, max_size=length))

    def change(content):
        at = int(place * (len(content) - 1))
        if kind == "cut":
            return content[:at]
        if kind == "flip":
            return content[:at] + bytes([content[at] ^ fill[0] or 1]) + content[at + 1 :]
        if kind == "write":
            return content[:at] + fill + content[at + len(fill) :]
        if kind == "lose":
            return content[:at] + content[at + length :]
        return content[: at + length] + content[at:]

    return change


@pytest.fixture(scope="module")
def folder(tmp_path_factory):
    folder = good_study.write_good_study(tmp_path_factory.mktemp("fuzz"))
    good_study.run_whole(folder)
    return folder


@pytest.fixture(scope="module")
def study(folder):
    return load_study(folder)


@pytest.fixture(scope="module")
def places(study):
    """Predictors of 200 places."""
    training = validation.read_training(study)[study.forest.predictors]
    return training.sample(200, replace=True, random_state=1) * 1.1


def refused_or(path, content, read, same):
    """Read a changed file: it is refused with its name, or what is read is the same."""
    good = path.read_bytes()
    try:
        path.write_bytes(content)
        found = read()
    except (ContractError, StudyError) as error:
        assert path.name in str(error), error
        return
    finally:
        path.write_bytes(good)
    assert same(found)


@fuzz
@given(change=damage())
def test_a_forest_is_refused_or_predicts_what_it_did(study, places, change):
    path = study.interim_dir / "forest.skops"
    before = load_forest(path).distribution(places)

    def same(forest):
        after = forest.distribution(places)
        return np.array_equal(after.mean, before.mean) and np.array_equal(
            after.quantiles, before.quantiles
        )

    refused_or(path, change(path.read_bytes()), lambda: load_forest(path), same)


@fuzz
@given(change=damage(), part=st.floats(0, 0.999))
def test_a_forest_with_a_changed_part_is_refused_or_can_be_used(study, places, change, part):
    """The checksums of the archive are right: somebody has meant it."""
    path = study.interim_dir / "forest.skops"
    with zipfile.ZipFile(path) as packed:
        parts = {name: packed.read(name) for name in packed.namelist()}
    name = sorted(parts)[int(part * len(parts))] if part < 0.5 else "schema.json"
    parts[name] = change(parts[name])
    changed = path.with_name("changed.skops")
    with zipfile.ZipFile(changed, "w") as packed:
        for name, content in parts.items():
            packed.writestr(name, content)
    content = changed.read_bytes()
    changed.unlink()
    sites = validation.read_training(study)["t15_c"]

    def plausible(forest):
        mean = forest.distribution(places).mean
        known = forest.temperature_c
        return (mean >= known.min() - 1e-9).all() and (mean <= known.max() + 1e-9).all()

    refused_or(path, content, lambda: load_forest(path), plausible)
    assert len(sites) == 40


@fuzz
@given(change=damage())
def test_an_error_model_is_refused_or_the_same_in_all_its_numbers(study, change):
    path = study.interim_dir / "error_model.json"
    before = [values.tolist() for values in load_error_model(path).parameters]

    def same(model):
        return [values.tolist() for values in model.parameters] == before

    refused_or(path, change(path.read_bytes()), lambda: load_error_model(path, "notebook"), same)


@fuzz
@given(change=damage(), name=st.sampled_from(("folds.csv", "training.csv", "boreholes.csv")))
def test_a_table_is_refused_or_holds_all_sites(study, change, name):
    readers = {"folds.csv": validation.read_folds}
    path = study.interim_dir / name

    def read():
        try:
            return readers.get(name, validation.read_training)(study)
        except ContractError as error:
            # Where two tables differ, the one that is looked at is named, with the other.
            raise ContractError(f"{name}: {error}") from error

    refused_or(path, change(path.read_bytes()), read, lambda table: len(table) == 40)


@fuzz
@given(change=damage())
def test_layers_are_refused_or_the_same(study, change):
    path = study.interim_dir / "covariates.nc"
    training = validation.read_training(study)

    def read():
        with validation.opened_layers(study, training) as layers:
            return layers.load()

    before = read()

    def same(layers):
        return all(np.array_equal(layers[n], before[n], equal_nan=True) for n in before)

    refused_or(path, change(path.read_bytes()), read, same)


@settings(fuzz, max_examples=-(-EXAMPLES // 3))  # each reads all rasters
@given(change=damage(), name=st.sampled_from(("t15.tif", "t15_error.tif", "thermal_class.tif")))
def test_a_map_is_refused_or_the_same(study, change, name):
    path = study.output_dir / name
    before = products.read_products(study).load()

    def same(result):
        return all(np.array_equal(result[n], before[n], equal_nan=True) for n in before)

    refused_or(path, change(path.read_bytes()), lambda: products.read_products(study).load(), same)


@fuzz
@given(content=st.binary(max_size=200) | st.text(max_size=200).map(str.encode))
def test_records_and_tables_of_any_bytes_are_read_or_refused(tmp_path, content):
    path = tmp_path / "any.json"
    path.write_bytes(content)
    for read in (read_json, lambda p: read_table(p, ("a",), ("b",))):
        with pytest.raises(ContractError, match=r"any\.json"):
            read(path)
    assert isinstance(read_known(path), dict)
    head, blocks = read_journal(path)
    assert isinstance(head, dict)
    assert isinstance(blocks, dict)
