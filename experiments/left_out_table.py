"""A table of heads on stored features, each judged on paired pictures of sources that it was not trained
on."""

from __future__ import annotations

import argparse
from collections.abc import Callable, Mapping, Sequence
from functools import partial
from pathlib import Path
from typing import Protocol, TypeVar

import numpy as np
import pandas as pd
from scipy import stats
from sklearn.metrics import balanced_accuracy_score, roc_auc_score

from detector import architectures
from detector.datasets import Dataset, leave_out, load_dataset
from train.feature_store import Features
from train.head import Rows, logits_of, regression_of, train_head
from train.recipes import Recipe, load_recipe

Scores = Callable[[np.ndarray], np.ndarray]
"""Tokens float32 (n, k, C) -> scores float (n,), AI-generated from 0 on."""


class Labelled(Protocol):
    """Pictures with their features."""

    @property
    def y_true(self) -> np.ndarray: ...


R = TypeVar("R", bound=Labelled)
Fit = Callable[[R, R], Callable[[R], np.ndarray]]
"""Training and validation pictures -> from others to scores float (n,), AI-generated from 0 on."""


class Named(Protocol):
    """What a design has, whatever else it is made of."""

    @property
    def name(self) -> str: ...


D = TypeVar("D", bound=Named)
Looks = Mapping[str, Callable[[R], R]]
"""What is judged of the pictures: title of its table -> those pictures."""


def run(
    program: str,
    description: str | None,
    title: str,
    designs: Sequence[D],
    fit: Callable[[D, Recipe, R, R], Callable[[R], np.ndarray]],
    pick: Callable[[pd.DataFrame, Features], R],
    argv: list[str] | None,
    looks: Looks | None = None,
) -> None:
    """The command line of an experiment that prints such a table. title: of its first column. designs: its
    rows. fit: trains one of them on training and validation pictures. pick: those of a dataset's rows that
    are stored. looks: see ``show``."""
    parser = argparse.ArgumentParser(prog=program, description=description)
    parser.add_argument("--data", required=True)
    parser.add_argument("--features", required=True, type=Path)
    parser.add_argument("--recipe", default="clip-vit-b16-attention")
    parser.add_argument("--folds", type=int, default=5)
    arguments = parser.parse_args(argv)
    dataset = load_dataset(arguments.data, check_files=False)
    features = Features.read(arguments.features)
    recipe = load_recipe(arguments.recipe)
    fits = {design.name: partial(fit, design, recipe) for design in designs}
    show(dataset, lambda rows: pick(rows, features), arguments.folds, fits, title, looks)


def show(
    dataset: Dataset,
    pick: Callable[[pd.DataFrame], R],
    folds: int,
    designs: Mapping[str, Fit[R]],
    title: str,
    looks: Looks | None = None,
) -> None:
    """Print a row per design: means over the folds (group k-fold), and the gain in ROC AUC over the first row
    with its 95% interval. looks: a table for each, if the pictures are judged in several ways."""
    looks = looks or {"": lambda judged: judged}
    areas = np.zeros((len(looks), len(designs), folds))
    accuracies = np.zeros_like(areas)
    for fold in range(folds):
        without = leave_out(dataset, fold, folds)
        train, val = (pick(without.split(name)) for name in ("train", "val"))
        rows = without.split("unseen")
        judged = pick(rows[rows["paired"]])
        for row, fit in enumerate(designs.values()):
            scores_of = fit(train, val)
            for place, look in enumerate(looks.values()):
                scores = scores_of(look(judged))
                areas[place, row, fold] = roc_auc_score(judged.y_true, scores)
                accuracies[place, row, fold] = balanced_accuracy_score(judged.y_true, scores >= 0)
    for name, *of_look in zip(looks, areas, accuracies, strict=True):
        _print(f"{title}, judged {name}" if name else title, list(designs), *of_look)


def _print(title: str, rows: list[str], areas: np.ndarray, accuracies: np.ndarray) -> None:
    """areas, accuracies: (rows, folds)."""
    print(f"| {title} | ROC AUC | gain | balanced accuracy |\n|---|---|---|---|")
    for row, name in enumerate(rows):
        more = gain(areas[row] - areas[0]) if row else ""
        print(f"| {name} | {areas[row].mean():.3f} | {more} | {accuracies[row].mean():.3f} |", flush=True)


def logistic(train: Rows, recipe: Recipe) -> Scores:
    """A logistic regression, see ``regression_of``."""
    kernel, bias = regression_of(train, recipe)
    return lambda tokens: tokens.reshape(len(tokens), -1) @ kernel + bias


def attention_head(train: Rows, val: Rows, recipe: Recipe) -> Scores:
    """The recipe's head, for as many tokens as the rows have."""
    encoder = architectures.get(recipe.architecture).encoder
    assert encoder is not None
    head = encoder.head(**recipe.architecture_arguments, tokens=train.tokens.shape[1])
    train_head(head, train, val, recipe, lambda line: None)
    return lambda tokens: logits_of(head, tokens)


def gain(differences: np.ndarray) -> str:
    """The mean with its 95% interval over folds (Student's t)."""
    mean = differences.mean()
    half = stats.t.ppf(0.975, len(differences) - 1) * stats.sem(differences)
    return f"{mean:+.3f} ({mean - half:+.3f} to {mean + half:+.3f})"
