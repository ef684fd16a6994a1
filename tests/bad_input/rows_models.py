"""Forests, error models and what goes with them: damaged, hostile, or of another run."""

import hashlib
import io
import json
import pickle
import zipfile
from dataclasses import replace
from functools import partial

import numpy as np
import pandas as pd
import skops.io
from bad_input.catalogue import row
from bad_input.good_study import edit, run_to_errors, run_to_forest, run_to_map
from sklearn.linear_model import LinearRegression

from helpers import validation
from helpers.forest import load_forest
from helpers.storage import read_table, write_json, write_table
from helpers.study import load_study

FOREST_AGAIN = "[Rr]un notebook 03_random_forest|Fit the forest again"
ERRORS_AGAIN = "Run notebook 05_validation again"


class Hostile:
    """What a pickle of this does when it is read: write a file."""

    def __reduce__(self):
        return exec, ("open('hostile ran', 'w')",)


def rewritten(path, change):
    """Write a forest file again, its parts changed by ``change(parts)``."""
    with zipfile.ZipFile(path) as old:
        parts = {name: old.read(name) for name in old.namelist()}
    change(parts)
    with zipfile.ZipFile(path, "w", zipfile.ZIP_DEFLATED) as new:
        for name, content in parts.items():
            new.writestr(name, content)


def replaced(parts, name, old, new, count=1):
    assert old in parts[name]
    parts[name] = parts[name].replace(old, new, count)


def array(parts, name, change):
    changed = change(np.load(io.BytesIO(parts[name])))
    out = io.BytesIO()
    np.save(out, changed)
    parts[name] = out.getvalue()


def nodes_of(parts):
    """Name of the part with the nodes of the first tree."""
    return next(n for n, data in parts.items() if b"'left_child'" in data[:200])


def spoil_nodes(parts, **fields):
    def change(nodes):
        for field, value in fields.items():
            nodes[field][0] = value
        return nodes

    array(parts, nodes_of(parts), change)


def forest(what, where, change, remedy=FOREST_AGAIN):
    """A row whose forest file is changed as bytes, or by a function of its path."""

    def spoil(folder):
        path = folder / "interim" / "forest.skops"
        changed = change(path)
        if isinstance(changed, bytes):
            path.write_bytes(changed)

    row("model", what, r"forest\.skops: " + where, remedy, spoil, run_to_map)


def parts(what, where, change):
    forest(what, where, lambda path: rewritten(path, change))


def flipped(path, position):
    content = bytearray(path.read_bytes())
    content[position] ^= 0xFF
    return bytes(content)


def settings(what, where, remedy, *replacements, step=run_to_map):
    row("model", what, where, remedy, lambda folder: edit(folder, *replacements), step)


def weighted(weight):
    """Exchange the weights of the sites; the file itself is whole."""

    def change(path):
        replace(load_forest(path), sample_weight=weight).save(path)

    return change


def setting_of_schema(old, new):
    return partial(replaced, name="schema.json", old=old, new=new)


forest("empty", "not a forest", lambda path: b"")
forest("truncated", "not a forest", lambda path: path.read_bytes()[:20_000])
forest("a byte flipped in the nodes", "not a forest", partial(flipped, position=3000))
forest("a web page", "not a forest", lambda path: b"<html>404</html>")
forest("a pickle", "not a forest", lambda path: pickle.dumps(Hostile()))
forest(
    "another model",
    r"holds .*LinearRegression, which no forest needs",
    lambda path: skops.io.dumps(LinearRegression().fit([[1.0], [2.0]], [1.0, 2.0])),
)
forest("a dictionary of nothing", "not a forest", lambda path: skops.io.dumps({}), "again")
forest("a function of the system", "holds .*which no", lambda path: skops.io.dumps({"a": zip}))
parts(
    "a class exchanged for os.system",
    "holds ObjectNode os.system",
    lambda p: (
        replaced(p, "schema.json", b'"RandomForestRegressor"', b'"system"', -1)
        or replaced(p, "schema.json", b'"sklearn.ensemble._forest"', b'"os"', -1)
    ),
)
parts(
    "a part that calls a method",
    "holds MethodNode",
    setting_of_schema(b'"__loader__": "ListNode"', b'"__loader__": "MethodNode"'),
)
parts("a part outside its folder", r"holds the part '\.\./", lambda p: p.update({"../x": b"1"}))
parts("an absolute part", "holds the part '/etc", lambda p: p.update({"/etc/hostile": b"1"}))
parts(
    "a part that unpacks to 30 MB of nothing",
    "holds the part '999999.npy', which unpacks to far more than it is",
    lambda p: p.update({"999999.npy": bytes(30_000_000)}),
)
parts(
    "an array that claims 8 terabytes",
    "not a forest .*is not whole",
    lambda p: replaced(p, nodes_of(p), b"'shape': (", b"'shape': (99999999999"),
)
parts("an array of objects", "not a forest", lambda p: p.update({"0.npy": of_objects()}))
parts("without its schema", "not a forest", lambda p: p.pop("schema.json"))
parts("without an array", "not a forest", lambda p: p.pop(nodes_of(p)))
parts("a schema a thousand deep", "not a forest", lambda p: p.update({"schema.json": b"[" * 10**5}))
parts(
    "of another release of scikit-learn, with other nodes",
    "not a forest .*dtype",
    lambda p: array(p, nodes_of(p), lambda nodes: nodes[list(nodes.dtype.names[:-1])].copy()),
)
forest("weights of fewer sites", "the weights are not 40 finite", weighted(np.ones(3)))
forest("a weight below nothing", "the weights are not 40 finite", weighted(np.full(40, -1.0)))
parts("a node that leads nowhere", "tree 0 has nodes", partial(spoil_nodes, left_child=9999))
parts("a node that leads back", "tree 0 has nodes", partial(spoil_nodes, right_child=0))
parts("a node of no predictor", "tree 0 has nodes", partial(spoil_nodes, feature=77))


def of_objects():
    out = io.BytesIO()
    np.save(out, np.array([Hostile()], dtype=object), allow_pickle=True)
    return out.getvalue()


def edit_training(folder, change):
    path = folder / "interim" / "training.csv"
    write_table(change(pd.read_csv(path)), path)


def other_sites(folder):
    """A forest fitted to all sites but one."""
    study = load_study(folder)
    training = validation.read_training(study).iloc[1:]
    validation.fit_study_forest(study, training).save(study.interim_dir / "forest.skops")


row(
    "model",
    "forest of other sites",
    r"forest\.skops: fitted to elevation, air of 39 sites",
    FOREST_AGAIN,
    other_sites,
    run_to_map,
)
settings(
    "forest of other trees",
    r"forest\.skops: fitted to .* 20 trees",
    FOREST_AGAIN,
    ("n_trees = 20", "n_trees = 30"),
)
settings(
    "forest of another seed", r"forest\.skops: fitted to", FOREST_AGAIN, ("seed = 1 ", "seed = 2 ")
)
settings(
    "forest of other predictors",
    r"forest\.skops: fitted to elevation, air",
    FOREST_AGAIN,
    ('["elevation", "air"]', '["air", "elevation"]'),
)


def error_model(what, where, change):
    """A row whose error model is changed as text, or as what json holds."""

    def spoil(folder):
        path = folder / "interim" / "error_model.json"
        content = json.loads(path.read_text())
        content.pop("sha256")
        changed = change(content)
        if not isinstance(changed, str):
            content = changed or content
            # As whoever means it would: otherwise every row would be told the same.
            digest = hashlib.sha256(json.dumps(content, sort_keys=True).encode()).hexdigest()
            changed = json.dumps(content | {"sha256": digest})
        path.write_text(changed)

    row("model", what, r"error_model\.json: .*" + where, ERRORS_AGAIN, spoil, run_to_map)


error_model("error model truncated", "not the json", lambda c: json.dumps(c)[:900])
error_model("error model without a number", "not the json.*NaN", lambda c: c.update(share=np.nan))
error_model("error model without a key", "variance", lambda c: c.pop("variance") and c)
error_model("error model of a list", "a list, an object", lambda c: "[]")
error_model(
    "error model with a key twice",
    "'share' is there twice",
    lambda c: json.dumps(c)[:-1] + ', "share": 0}',
)
error_model("error model with a short list", "shapes", lambda c: c["folds"].pop() and None)
error_model("error model with residuals in disorder", "rise", lambda c: c["residuals"].reverse())
error_model("error model with text for numbers", "float", lambda c: c.update(lower=["a", "b"]))
error_model("error model nested without end", "recursion|not the json", lambda c: "[" * 10**5)
error_model(
    "error model with a digit edited",
    "its numbers are not those",
    lambda c: json.dumps(c | {"share": 0.5, "sha256": "0"}),
)
error_model("error model of other settings", "made of other", lambda c: c.update(made_of="0" * 64))
error_model("error model without variogram", "variogram|argument", lambda c: c.update(variogram={}))


def folds(what, where, change, remedy=FOREST_AGAIN):
    def spoil(folder):
        path = folder / "interim" / "folds.csv"
        changed = change(pd.read_csv(path))
        if isinstance(changed, str):
            path.write_text(changed)
        else:
            write_table(changed, path)

    row("model", what, r"folds\.csv: " + where, remedy, spoil, run_to_errors)


def one_fold(table, value):
    table = table.astype({"knndm": object})
    table.loc[2, "knndm"] = value
    return table


folds("folds without a site", "its 39 sites are not the 40 .*H07", lambda t: t.drop(index=7))
folds("folds with a site twice", "site H00 is there more", lambda t: pd.concat([t, t[:1]]))
folds("folds in another order", ".*the order of the rows", lambda t: t[::-1])
folds("negative fold", "column 'knndm': row 4 holds -1", lambda t: one_fold(t, -1))
folds("half a fold", "column 'knndm': row 4 holds 1.5", lambda t: one_fold(t, 1.5))
folds("a word for a fold", "column 'knndm': row 4 holds 'north'", lambda t: one_fold(t, "north"),
      "a number is needed")  # fmt: skip
folds("folds with an empty cell", "site H02: knndm is nan", lambda t: one_fold(t, np.nan))
folds("one fold only", "column 'knndm': one fold", lambda t: t.assign(knndm=0))
folds("folds without kNNDM", "column knndm missing", lambda t: t.drop(columns="knndm"))
folds("folds cut off in a row", "it ends in the middle", lambda t: t.to_csv(index=False)[:-3])
folds("folds with a column twice", "column knndm is there twice",
      lambda t: pd.concat([t, t[["knndm"]]], axis=1))  # fmt: skip
folds("folds with rows too long", "rows have more cells",
      lambda t: t.to_csv(index=False).replace("\nH", "\n9,H"))  # fmt: skip
folds("folds that are a picture", "column site, knndm missing", lambda t: '\0\x89PNG"\n' * 9)


def importance(what, change, where="", remedy="Run notebook 04_shap_importance again"):
    def spoil(folder):
        path = folder / "interim" / "importance.csv"
        write_table(change(pd.read_csv(path)), path)

    row("model", what, r"importance\.csv" + where, remedy, spoil, run_to_map)


importance("importance without a predictor", lambda t: t[1:])
importance("importance of a predictor twice", lambda t: pd.concat([t, t[:1]]))
importance("importance missing", lambda t: t.assign(mean_absolute_c=[np.nan, 1]))
importance("importance negative", lambda t: t.assign(mean_absolute_c=[-1.0, 1]))
importance("importance of nothing", lambda t: t.assign(mean_absolute_c=0.0), remedy="04_shap")
importance(
    "importance edited",
    lambda t: t.assign(mean_absolute_c=[5.0, 1]),
    " and study.toml as they are now",
    ERRORS_AGAIN,
)


def training(what, where, change, remedy="Run notebook 02_covariates again", step=run_to_map):
    row("model", what, where, remedy, partial(edit_training, change=change), step)


training(
    "training table in another order", r"forest\.skops|folds\.csv", lambda t: t[::-1], FOREST_AGAIN
)
training(
    "temperature edited in the training table",
    r"training\.csv: site H00: t15_c is 9 .*boreholes\.csv",
    lambda t: t.assign(t15_c=[9.0, *t["t15_c"][1:]]),
    step=run_to_forest,
)
training(
    "predictor edited in the training table",
    r"forest\.skops: fitted to",
    lambda t: t.assign(air=[9.0, *t["air"][1:]]),
    FOREST_AGAIN,
)
training(
    "predictor constant in the training table",
    r"interim: area of applicability from training\.csv.*predictor air has the same value",
    lambda t: t.assign(air=1.0),
    "Leave it out",
    run_to_errors,
)
training(
    "training table with a site twice",
    r"training\.csv: site H00 is there more than once",
    lambda t: pd.concat([t, t[:1]]),
    step=run_to_forest,
)
training(
    "training table with an empty cell",
    r"training\.csv: site H00: air is nan",
    lambda t: t.assign(air=[np.nan, *t["air"][1:]]),
    step=run_to_forest,
)


def other_boreholes(folder):
    path = folder / "interim" / "boreholes.csv"
    table = pd.read_csv(path)
    write_table(table.assign(t15_c=table["t15_c"] + 1), path)


row(
    "model",
    "boreholes of a later run than the training table",
    r"training\.csv: site H00: t15_c .*boreholes\.csv \(40 sites differ\)",
    "Run notebook 02_covariates again",
    other_boreholes,
    run_to_map,
)


def read_record(folder):
    """What notebook 06 does with the record of the validation."""
    study = load_study(folder)
    tables = validation.read_training(study), validation.read_folds(study)["knndm"].to_numpy()
    path = study.interim_dir / "importance.csv"
    weights = read_table(path, ("mean_absolute_c",), ("predictor",))
    domain = validation.applicability_domain(study, *tables, weights)
    model = validation.load_study_error_model(study, tables[0], domain, tables[1])
    return validation.read_validation(study, model), model


def record(what, where, change):
    def spoil(folder):
        keys = ("n_sites", "designs", "applicability", "error_model", "truth", "true_frozen_share")
        path = folder / "interim" / "validation.json"
        write_json(dict.fromkeys(keys), path)
        model = json.loads((folder / "interim" / "error_model.json").read_text())
        content = {"n_sites": 40, "error_model": {"share_of_beyond": model["share"]}}
        path.write_text(change(json.dumps(json.loads(path.read_text()) | content)))

    row("model", what, r"validation\.json: .*" + where, ERRORS_AGAIN, spoil, read_record)


record("validation of another run", "error_model: its numbers are not", lambda text: text)
record("validation truncated", "not the json", lambda text: text[:-9])
record("validation without scores", "key designs missing", lambda t: t.replace("designs", "d"))


def held_out(what, where, change):
    def spoil(folder):
        table = validation.read_training(load_study(folder))[["site", "t15_c"]]
        table = table.assign(design="knndm", predicted=0.0).rename(columns={"t15_c": "observed"})
        write_table(change(table), folder / "interim" / "held_out.csv")

    def step(folder):
        study = load_study(folder)
        validation.read_held_out(study, validation.read_training(study))

    row("model", what, r"held_out\.csv: " + where, ERRORS_AGAIN, spoil, step)


held_out(
    "held-out observation edited", "site H00: observed", lambda t: t.replace(t.iloc[0, 1], 9.0)
)
held_out("held-out predictions without a site", "site H00", lambda t: t[1:])
held_out("held-out site twice", "site H00 is there more", lambda t: pd.concat([t, t[:1]]))
held_out("no held-out predictions of kNNDM", "site H00", lambda t: t.assign(design="random"))
