"""A small executed run for the tests of the web pages: seven notebooks and what lies beside."""

import base64
import io
from functools import cache

import ipywidgets
import pandas as pd
from nbformat import write
from nbformat.v4 import new_code_cell, new_markdown_cell, new_notebook, new_output
from PIL import Image

from helpers import figures, widgets
from helpers.figures.style import DOUBLE_COLUMN_MM, new_figure, with_numbers
from helpers.run import NOTEBOOKS

WIDGET = "application/vnd.jupyter.widget-view+json"
FIRST = """# {name} Title: of a lesson

**Question.** What is asked in {name}?

**Before you start** read [notebook 02](02_covariates.ipynb) and the [glossary](glossary.md).

**Inputs** none. **Outputs** none. **Minutes** 7, of which the computer needs one.

**中文提要** 本篇说明一个小例子，供测试使用。
"""
EXERCISES = """## Exercises
The word 冻土 means frozen ground. See [above](#1-pictures).

<details><summary>Solution</summary>

```python
answer = 42
```
It is *known*.
</details>

### A heading of the third level

## References
Breiman 2001, doi:10.1023/A:1010933404324.
"""


@cache
def png():
    """A small picture as base64."""
    drawn = io.BytesIO()
    Image.new("RGB", (1200, 400), "steelblue").save(drawn, "PNG")
    return base64.b64encode(drawn.getvalue()).decode()


def figure_html(alt='alt="Map of &lt;t15&gt;"'):
    picture = f'<img {alt} width="860" src="data:image/png;base64,{png()}">'
    return f"<figure>{picture}<figcaption>A caption with 3 numbers.</figcaption></figure>"


def display(**data):
    names = {"html": "text/html", "png": "image/png", "text": "text/plain", "widget": WIDGET}
    names |= {"jpeg": "image/jpeg", "svg": "image/svg+xml", "javascript": "application/javascript"}
    bundle = {names[kind]: content for kind, content in data.items()}
    return new_output("display_data", data=bundle)


@cache
def panel_output():
    """What a real panel leaves in a notebook."""

    def draw(power):
        figure = new_figure(DOUBLE_COLUMN_MM, 40)
        figure.add_subplot().plot([0, power])
        return figure, "words of the panel"

    panel = widgets.panel(draw, power=ipywidgets.Dropdown(options=[1, 2], description="Power"))
    return new_output("display_data", data=panel._repr_mimebundle_())


def lesson(name, study):
    """One executed notebook of every kind of cell; cell 5 shows a figure."""
    wide = pd.DataFrame([range(40)], columns=[f"a_long_name_{i}" for i in range(40)]).to_html()
    bar = "folds:  50%|#####     | 1/2 [00:01<00:01,  1.0it/s]\r"
    outputs = {
        "widgets.show(figure)": [
            new_output("stream", name="stdout", text="printed <words>\n"),
            new_output("stream", name="stderr", text=bar + "a warning\n"),
            display(html=figure_html(), text="<Figure>"),
        ],
        "figure": [display(png=png(), text="<Figure>")],
        "panel": [display(widget="{}", text=bar), panel_output()],
        "table": [display(html=wide, text="table")],
    }
    given = {
        "study_file": str(study.file),
        "resolution_m": study.grid.resolution_m,
        "n_trees": study.forest.n_trees,
    }
    cells = [
        new_markdown_cell(FIRST.format(name=name[:2])),
        new_code_cell("n_trees = 1  # trees", metadata={"tags": ["parameters"]}),
        new_code_cell(f"n_trees = {given}", metadata={"tags": ["injected-parameters"]}),
        new_markdown_cell("## 1. Pictures\nThe `map`, as [before](00_start_here.ipynb):"),
        *(new_code_cell(source, outputs=shown) for source, shown in outputs.items()),
        new_markdown_cell(EXERCISES),
    ]
    for number, cell in enumerate(cells):
        cell["id"] = f"cell-{number}"
        if cell.cell_type == "code":
            cell.execution_count = number
    return new_notebook(cells=cells, metadata={"papermill": {"parameters": given}})


def write_run(study):
    """The files of a run that the web pages are made of."""
    folder = study.interim_dir / "notebooks"
    folder.mkdir(parents=True)
    for name in NOTEBOOKS:
        write(lesson(name, study), folder / f"{name}.ipynb")
    study.output_dir.mkdir(parents=True)
    for report in ("report_card", "borehole_quality"):
        (study.output_dir / f"{report}.html").write_text(f"<h1>{report}</h1>", encoding="utf-8")
    figure = new_figure(DOUBLE_COLUMN_MM, 60)
    with_numbers(figure, "104 sites.")
    figures.save_figure(figure, study, "t15_map")
