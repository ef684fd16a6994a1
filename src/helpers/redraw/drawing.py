"""Every figure of the catalogue, one after the other; what one lacks does not stop the others."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import dataclass, field
from pathlib import Path

from matplotlib.figure import Figure
from tqdm.auto import tqdm

from helpers.figures import CATALOGUE, save_figure
from helpers.figures.catalogue import check_name, figures_of, file_name
from helpers.figures.files import FORMATS
from helpers.redraw import boreholes, covariates, forest, maps, validation
from helpers.redraw.inputs import Inputs
from helpers.storage import ContractError
from helpers.study import Study, StudyError

_MODULES = {
    "01_borehole_qc": boreholes,
    "02_covariates": covariates,
    "03_random_forest": forest,
    "04_shap_importance": forest,
    "05_validation": validation,
    "06_map_export": maps,
}
REGISTRY: dict[str, Callable[..., Figure | None]] = {
    name: getattr(_MODULES[entry.notebook], name) for name, entry in CATALOGUE.items()
}
"""For each figure of the catalogue the function that draws it; None: its data do not allow one.

What is drawn for each other map takes the name of that map as second argument.
"""


@dataclass(frozen=True)
class Redrawn:
    """What came of it: files, figures that the study does not have, and what others lack."""

    paths: list[Path] = field(default_factory=list)
    left_out: list[str] = field(default_factory=list)
    missing: dict[str, str] = field(default_factory=dict)

    def summary(self) -> str:
        """A line for what was drawn and left out, and one for each figure that lacks something."""
        lines = [f"Figures drawn: {len(self.paths)}"]
        lines += [f"Not part of this study: {', '.join(self.left_out)}"] if self.left_out else []
        lines += [f"Not drawn: {len(self.missing)}"] if self.missing else []
        return "\n".join([*lines, *(f"  {name} {why}" for name, why in self.missing.items())])


def redraw(
    study: Study,
    names: Sequence[str] = (),
    formats: Sequence[str] = FORMATS,
    progress: bool = True,
) -> Redrawn:
    """Draw figures of the last run again, from its files, into the figures folder of the study.

    The PNG is that of the notebooks, byte for byte.

    Parameters
    ----------
    study
        The study, or its fast variant, that the run was of.
    names
        Figures of the catalogue; all if none are named.
    formats
        As for :func:`helpers.figures.save_figure`.
    progress
        Whether to show a bar.

    Raises
    ------
    ValueError
        If the catalogue has no figure of a name, before anything is drawn.

    """
    for name in names:
        check_name(name)
    wanted = [name for name in CATALOGUE if not names or name in names]
    inputs = Inputs(study)
    done = Redrawn(left_out=[name for name in wanted if not CATALOGUE[name].needs(study)])
    jobs = [(name, of) for name, of in figures_of(study) if name in wanted]
    bar = tqdm(jobs, desc="figures", unit="figure", disable=not progress)
    for name, of in bar:
        label = file_name(name, of)
        bar.set_description(label)
        try:
            figure = REGISTRY[name](inputs, of) if of else REGISTRY[name](inputs)
        except (ContractError, StudyError, OSError) as error:
            done.missing[label] = f"of {CATALOGUE[name].notebook}: {error}"
            continue
        if figure is None:
            done.left_out.append(label)
        else:
            done.paths.append(save_figure(figure, study, name, of, formats))
    return done
