import os
import re
import shutil
from pathlib import Path

import nbformat
import pytest
from bs4 import BeautifulSoup
from lessons import display, figure_html, png, write_run
from nbformat.v4 import new_output

from helpers.run import NOTEBOOKS, PROJECT
from helpers.storage import ContractError
from helpers.study import load_study
from helpers.web_pages import __main__ as command
from helpers.web_pages import site
from helpers.web_pages.pages import markdown_page, notebook_page

NAMES = [*NOTEBOOKS, "glossary", "index"]
RESULTS = {"Sites": "104 used of 112", "Permafrost, mean <= 0 degC": "30.4"}
WHITE, CODE_GROUND = "ffffff", "f6f7f9"


@pytest.fixture
def run_study(study_folder, monkeypatch):
    """A study with a small run; the table of results is that of another test."""
    monkeypatch.setattr(site, "results", lambda study: RESULTS)
    study = load_study(study_folder)
    write_run(study)
    return study


@pytest.fixture(scope="module")
def finished(tmp_path_factory):
    """A study with a small run and its site; for reading only."""
    folder = tmp_path_factory.mktemp("project") / "data" / "northeast_china"
    without = shutil.ignore_patterns("interim", "output")
    shutil.copytree(PROJECT / "data" / "northeast_china", folder, ignore=without)
    study = load_study(folder)
    write_run(study)
    with pytest.MonkeyPatch.context() as patched:
        patched.setattr(site, "results", lambda study: RESULTS)
        site.write_site(study)
    return study


@pytest.fixture(scope="module")
def pages(finished):
    folder = finished.output_dir / "web"
    return {
        name: BeautifulSoup((folder / f"{name}.html").read_text(encoding="utf-8"), "html.parser")
        for name in NAMES
    }


@pytest.fixture
def change(run_study):
    """Change a cell (counted from 1) of the executed notebook 01."""

    def changed(number, **values):
        path = run_study.interim_dir / "notebooks" / f"{NOTEBOOKS[1]}.ipynb"
        notebook = nbformat.read(path, as_version=4)
        notebook.cells[number - 1].update(values)
        nbformat.write(notebook, path)
        return run_study

    return changed


def test_nothing_is_loaded_from_another_host_and_nothing_runs(finished, pages):
    folder = finished.output_dir / "web"
    for path in (p for p in folder.rglob("*") if p.suffix in (".html", ".css")):
        text = path.read_text(encoding="utf-8")
        assert not re.search(r"<script|<iframe|@import|url\(|\bon\w+=|src=\"(?!pictures/)", text)
    for page in pages.values():
        assert {link["href"] for link in page("link")} == {"style.css"}
        hosts = {a["href"].split("/")[2] for a in page("a", href=True) if "//" in a["href"]}
        assert hosts <= {"doi.org"}
        (rule,) = page("meta", {"http-equiv": "Content-Security-Policy"})
        assert rule["content"].startswith("default-src 'none'; img-src 'self' file: data:;")


def test_every_link_and_picture_leads_to_a_file_or_a_heading_of_the_site(finished, pages):
    folder = finished.output_dir / "web"
    for name, page in pages.items():
        targets = [a["href"] for a in page("a", href=True)] + [i["src"] for i in page("img")]
        for target in (t for t in targets if "//" not in t):
            path, _, anchor = target.partition("#")
            assert (folder / path).is_file() if path else page.find(id=anchor), (name, target)
    shown = {image["src"] for page in pages.values() for image in page("img")}
    assert shown == {f"pictures/{p.name}" for p in (folder / "pictures").iterdir()}


def test_every_page_has_languages_one_title_a_skip_link_and_its_neighbours(pages):
    for name, page in pages.items():
        assert page.html["lang"] == "en" and len(page("h1")) == 1 and len(page("main")) == 1
        assert page.title.string.startswith(page.h1.get_text()), name
        assert page.body.find("a")["href"] == "#main"
        (here,) = page("a", {"aria-current": "page"})
        assert here["href"] == f"{name}.html"
    middle = pages["01_borehole_qc"]
    assert middle.find("a", rel="prev")["href"] == "00_start_here.html"
    assert middle.find("a", rel="next")["href"] == "02_covariates.html"
    contents = [a["href"] for a in middle.select(".contents a")]
    assert contents == ["#1-pictures", "#exercises", "#references"]


def test_chinese_is_marked_as_such_and_dois_are_links(pages):
    page = pages["01_borehole_qc"]
    summary, word = page(lang="zh")
    assert summary.name == "p" and summary.get_text().startswith("中文提要")
    assert word.name == "span" and word.get_text() == "冻土"
    assert page.find("a", href="https://doi.org/10.1023/A:1010933404324")
    table = pages["glossary"].find("table")
    assert [cell.get("lang") for cell in table("th")] == [None, "zh", None, "zh", None]


def test_pictures_have_alternative_texts_and_good_names(pages):
    for page in pages.values():
        assert all(image.get("alt", "").strip() for image in page("img"))
    shown, plain, panel = pages["01_borehole_qc"]("img")
    assert shown["alt"] == "Map of <t15>" and shown["src"] == "pictures/01_01_map_of_t15.png"
    assert shown.parent.figcaption.get_text() == "A caption with 3 numbers."
    assert plain["alt"] == "The map, as before:"  # the line of intent
    assert panel["alt"] == "Figure at Power: 1"


def test_a_panel_is_its_static_picture_and_says_where_it_moves(pages):
    panel = pages["01_borehole_qc"].find(class_="panel")
    assert "words of the panel" in panel.get_text() and "In JupyterLab" in panel.get_text()
    assert "widget-view" not in str(pages["01_borehole_qc"])


def test_outputs_are_shown_without_progress_bars(pages):
    text = pages["01_borehole_qc"].get_text()
    assert "printed <words>" in text and "a warning" in text
    assert "it/s" not in text and "50%" not in text


OUTPUTS = {
    "image/jpeg": [display(jpeg=png())],
    "image/svg": [display(svg='<svg xmlns="http://www.w3.org/2000/svg"><script>1</script></svg>')],
}


@pytest.mark.parametrize(("kind", "ending"), [("jpeg", ".jpeg"), ("svg", ".svg")])
def test_pictures_of_other_kinds_are_shown_as_files(change, kind, ending):
    """A script inside a picture is not run by the page that shows it."""
    files = site.site_files(change(5, outputs=OUTPUTS[f"image/{kind}"]))
    page = BeautifulSoup(files["01_borehole_qc.html"], "html.parser")
    image = page("img")[0]
    assert image["src"].endswith(ending) and image["alt"] == "The map, as before:"
    assert files[image["src"]] and not page("script")


def test_a_bar_in_printed_text_takes_nothing_with_it(change):
    text = "before\nfolds:  50%|#####     | 1/2 [00:01<00:01,  1.0it/s]\rafter\n\nend\n"
    files = site.site_files(change(5, outputs=[new_output("stream", name="stdout", text=text)]))
    page = BeautifulSoup(files["01_borehole_qc.html"], "html.parser")
    assert "before\nafter\n\nend" in page.get_text() and "it/s" not in page.get_text()


def test_what_needs_a_program_is_left_out_and_named(change):
    files = site.site_files(change(5, outputs=[display(javascript="alert(1)", text="<Java>")]))
    text = BeautifulSoup(files["01_borehole_qc.html"], "html.parser").get_text()
    assert "<Java>" in text and "alert" not in text
    assert "Left out, as this page runs no programs: an output of the kind application/j" in text


def test_solutions_stay_folded_with_their_code_in_colours(pages):
    (solution,) = pages["01_borehole_qc"]("details")
    assert solution.summary.get_text() == "Solution" and not solution.has_attr("open")
    assert solution.find(class_="highlight").find("span", class_="n").get_text() == "answer"
    assert solution.em.get_text() == "known"


def test_wide_tables_scroll_in_a_box_that_the_keyboard_reaches(pages):
    for table in pages["01_borehole_qc"]("table"):
        assert table.parent["class"] == ["wide"] and table.parent["tabindex"] == "0"


def test_the_parameters_of_the_run_are_shown_without_folders_of_the_machine(finished, pages):
    page = pages["01_borehole_qc"]
    label = page.find(string="Parameters of this run:")
    shown = label.find_next("pre").get_text()
    assert f"n_trees = {finished.forest.n_trees}" in shown
    assert "study_file = 'northeast_china/study.toml'" in shown
    assert str(finished.folder.parent) not in str(page)


def test_the_index_tells_what_the_study_is_and_what_came_out(finished, pages):
    index = pages["index"]
    assert index.h1.get_text() == finished.about.title
    assert "Virtual boreholes" in index.find(class_="virtual").get_text()
    assert index.figcaption.get_text().count("104 sites.") == 1
    assert [row.get_text(" ", strip=True) for row in index("tr")] == [
        f"{label} {text}" for label, text in RESULTS.items()
    ]
    lessons = [item.get_text(" ") for item in index.select(".lessons li")]
    assert len(lessons) == 7 and "What is asked in 03?" in lessons[3]
    assert "Minutes: 7, of which the computer needs one." in lessons[3]
    for report in ("report_card", "borehole_quality"):
        copied = finished.output_dir / "web" / f"{report}.html"
        assert copied.read_text(encoding="utf-8") == f"<h1>{report}</h1>"


def test_a_study_of_real_boreholes_has_no_note_on_virtual_ones(edit_study, monkeypatch):
    monkeypatch.setattr(site, "results", lambda study: RESULTS)
    seed = re.search(r"truth_seed = .*\n", (edit_study() / "study.toml").read_text("utf-8"))[0]
    study = load_study(
        edit_study(("virtual_boreholes = true", "virtual_boreholes = false"), (seed, ""))
    )
    write_run(study)
    index = site.site_files(study)["index.html"].decode()
    assert 'class="virtual"' not in index


def test_the_same_run_gives_the_same_bytes(run_study, finished):
    """Also in another folder of the machine."""
    again, folder = site.site_files(run_study), finished.output_dir / "web"
    assert again == {
        p.relative_to(folder).as_posix(): p.read_bytes() for p in folder.rglob("*") if p.is_file()
    }


def test_an_old_site_stays_until_the_new_one_is_complete(run_study, change):
    index = site.write_site(run_study)
    before = index.read_bytes()
    (index.parent / "left_over.txt").write_text("of an older program")
    change(5, execution_count=None)
    with pytest.raises(ContractError, match="was not run"):
        site.write_site(run_study)
    assert index.read_bytes() == before and (index.parent / "left_over.txt").exists()
    change(5, execution_count=5)
    site.write_site(run_study)
    assert not (index.parent / "left_over.txt").exists()
    assert not [p.name for p in run_study.output_dir.iterdir() if p.name.startswith(".web")]


def test_an_old_site_comes_back_if_the_new_one_cannot_take_its_place(run_study, monkeypatch):
    index = site.write_site(run_study)
    rename = Path.rename

    def refuse(path, target):
        if "unfinished" in path.name:
            raise OSError("no room")
        return rename(path, target)

    monkeypatch.setattr(Path, "rename", refuse)
    with pytest.raises(OSError, match="no room"):
        site.write_site(run_study)
    assert index.is_file()
    assert not [p.name for p in run_study.output_dir.iterdir() if p.name.startswith(".web")]


def test_what_an_ended_program_of_the_same_number_left_is_no_part_of_the_site(run_study):
    for name in ("unfinished", "old"):
        left = run_study.output_dir / f".web.{name}-{os.getpid()}" / "left_over.txt"
        left.parent.mkdir()
        left.write_text("half")
    index = site.write_site(run_study)
    assert site.write_site(run_study) == index and not (index.parent / "left_over.txt").exists()


def test_what_a_killed_program_left_goes_and_an_old_site_takes_its_place_again(run_study):
    gone = 2**22 + 1  # no process has this number
    index = site.write_site(run_study)
    before = index.read_bytes()
    index.parent.rename(index.parent.with_name(f".web.old-{gone}"))
    (index.parent.with_name(f".web.unfinished-{gone}") / "pictures").mkdir(parents=True)
    others = [index.parent.with_name(name) for name in (f".web.of-{gone}", ".web.own-copy")]
    others[0].write_text("a file")
    others[1].mkdir()
    executed = run_study.interim_dir / "notebooks" / f"{NOTEBOOKS[3]}.ipynb"
    executed.rename(executed.with_suffix(".away"))
    with pytest.raises(ContractError, match="not found"):
        site.write_site(run_study)
    assert index.read_bytes() == before
    left = {p for p in run_study.output_dir.iterdir() if p.name.startswith(".web")}
    assert left == set(others), "what no killed program left stays"


def test_a_missing_notebook_is_named_with_what_makes_it(run_study):
    path = run_study.interim_dir / "notebooks" / f"{NOTEBOOKS[3]}.ipynb"
    path.unlink()
    with pytest.raises(ContractError, match=r"03_random_forest.*not found. Run `make map STUDY="):
        site.write_site(run_study)


ERROR = nbformat.v4.new_output("error", ename="ValueError", evalue="no", traceback=[])
SCRIPT = display(html="<script src='https://example.org/a.js'></script>")


@pytest.mark.parametrize(
    ("number", "values", "message"),
    [
        (5, {"execution_count": None}, "cell 5 was not run. Run `make map"),
        (5, {"outputs": [ERROR]}, "cell 5 ended in an error. Run `make map"),
        (5, {"outputs": [display(html=figure_html(""))]}, "01_b.*, cell 5: .*alternative text"),
        (5, {"outputs": [display(html=figure_html('alt=" "'))]}, "cell 5: .*alternative text"),
        (5, {"outputs": [display(html='<img alt="a" src="a.png">')]}, "cell 5: .*a.png is not ins"),
        (5, {"outputs": [SCRIPT]}, "01_borehole_qc.ipynb, cell 5: its output holds <script>"),
        (7, {"outputs": [display(widget="{}", text="VBox()")]}, "cell 7: a panel without a static"),
        (9, {"source": "[there](nowhere.md)"}, "01_b.*: the link to nowhere.md leads to no page"),
        (9, {"source": "[there](#nowhere)"}, "the link to #nowhere leads to no page"),
        (9, {"source": "<a href='javascript:a()'>b</a>"}, r"the link to javascript:a\(\) leads"),
        (9, {"source": "![a map](map.png)"}, "the text shows the picture map.png"),
        (9, {"source": "<img alt='a'>"}, "the text shows the picture None"),
        (9, {"source": "# Another title"}, "01_b.*: 2 titles"),
        (1, {"source": "# Title\n**Question.** Why?"}, r"01_b.*lacks \*\*Minutes\*\*"),
    ],
)
def test_what_a_page_cannot_show_is_an_error_that_names_the_place(change, number, values, message):
    study = change(number, **values)
    with pytest.raises(ContractError, match=message):
        site.site_files(study)


def test_notebooks_of_another_study_or_other_settings_are_refused(run_study):
    other = load_study(run_study.file, n_trees=7)
    other.interim_dir.mkdir(parents=True)
    (run_study.interim_dir / "notebooks").rename(other.interim_dir / "notebooks")
    with pytest.raises(ContractError, match=r"executed with n_trees = \d+, not 7. Run `make fast"):
        site.site_files(other)
    path = other.interim_dir / "notebooks" / f"{NOTEBOOKS[0]}.ipynb"
    text = path.read_text(encoding="utf-8").replace("northeast_china/study.toml", "b/study.toml")
    path.write_text(text.replace('study_file": "', 'study_file": "/elsewhere'), encoding="utf-8")
    with pytest.raises(ContractError, match=r"executed for /elsewhere.*, not for"):
        site.site_files(other)


def test_a_project_that_was_moved_keeps_its_pages(run_study, tmp_path):
    moved = tmp_path / "elsewhere" / run_study.folder.name
    shutil.copytree(run_study.folder, moved)
    figure = run_study.figures_dir / "t15_map.png"
    study = load_study(moved)
    study.figures_dir.mkdir(parents=True, exist_ok=True)
    shutil.copy(figure, study.figures_dir)
    assert site.site_files(study) == site.site_files(run_study)


def test_the_texts_of_the_course_make_pages():
    """Links, titles and pictures in them are right before anything is run."""
    folder = PROJECT / "notebooks"
    for name in NOTEBOOKS:
        notebook = nbformat.read(folder / f"{name}.ipynb", as_version=4)
        assert notebook_page(notebook, name, NAMES).contents
    glossary = (folder / "glossary.md").read_text(encoding="utf-8")
    assert markdown_page(glossary, "glossary.md", NAMES).contents


def luminance(colour):
    parts = [int(colour[i : i + 2], 16) / 255 for i in (0, 2, 4)]
    linear = [c / 12.92 if c <= 0.03928 else ((c + 0.055) / 1.055) ** 2.4 for c in parts]
    return sum(w * c for w, c in zip((0.2126, 0.7152, 0.0722), linear, strict=True))


def contrast(one, other):
    """Contrast of two colours by WCAG 2.2."""
    dark, light = sorted(map(luminance, (one, other)))
    return (light + 0.05) / (dark + 0.05)


def test_texts_and_code_have_enough_contrast(finished):
    assert round(contrast("000000", WHITE), 1) == 21
    css = (finished.output_dir / "web" / "style.css").read_text(encoding="utf-8")
    ours = dict(re.findall(r"--(\w+): #([0-9a-f]{6})", css))
    assert ours["code"] == CODE_GROUND
    grounds = {WHITE, CODE_GROUND, "eef1f4", "fdf6ec"}
    assert grounds - {WHITE, CODE_GROUND} <= set(re.findall(r"background: #(\w{6})", css))
    for ground in grounds:
        assert all(contrast(ours[name], ground) >= 4.5 for name in ("ink", "link", "quiet"))
    tokens = set(re.findall(r"\.highlight \.\w+ \{ color: #(\w{6})", css))
    assert len(tokens) > 5
    assert all(contrast(colour, CODE_GROUND) >= 4.5 for colour in tokens)


def test_the_command_names_the_index_or_says_what_to_do(run_study, capsys):
    assert command.main([str(run_study.folder)]) == 0
    assert "web/index.html in a browser" in capsys.readouterr().out
    (run_study.output_dir / "report_card.html").unlink()
    assert command.main([str(run_study.folder)]) == 1
    assert re.search(r"report_card.html not found. Run `make map", capsys.readouterr().err)
