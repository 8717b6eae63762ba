"""What the columns and labels of somebody else's table most likely mean, from their names and values."""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import replace

import pandas as pd
from pandas.api.types import is_float_dtype

from detector.datasets.names import class_of, normal
from detector.evaluation.column_mapping import Mapping, Scale, numbers, words

MAX_WORDS = 50
"""A truth column with more different values is no truth column."""

# Names of columns as `normal` writes them, the surest first.
TRUTH_NAMES = (
    "ytrue, truth, groundtruth, gt, target, label, labels, truelabel, actual, isai, isfake, aigenerated,"
    " isaigenerated, generated, fake, isreal, real, class, category, type, y, wahrheit, klasse, etiqueta,"
    " etiquette, classe, 标签, 真值, 类别, ラベル, 정답, метка, класс"
)
SCORE_NAMES = (
    "yscore, score, probability, prob, proba, yprob, yproba, pai, pfake, probai, probfake, aiprob, fakeprob,"
    " aiscore, fakescore, aiprobability, fakeprobability, preal, probreal, realprob, realscore,"
    " realprobability, logit, logits, confidence, yhat, ypred, pred, prediction, predicted, output,"
    " wahrscheinlichkeit, konfidenz, sicherheit, probabilidad, confianza, probabilité, confiance, punteggio,"
    " 分数, 得分, 概率, 置信度, スコア, 確率, 점수, 확률, оценка, вероятность"
)
ID_NAMES = (
    "id, imageid, file, filename, filepath, path, image, imagepath, name, img,"
    " 文件名, 图片, 图像, ファイル名, 画像, datei, dateiname, bild, fichier,"
    " nomdefichier, archivo, imagen, файл"
)
PREDICTED_NAMES = (
    "predictedlabel, predlabel, prediction, predicted, pred, ypred, yhat, predictedclass, predclass, verdict,"
    " vorhersage, predicción, prédiction, 预测, 予測, 예측, предсказание"
)
SOURCE_NAMES = "source, dataset, origin, domain, quelle, fuente, origine, 来源, 出典"
SPLIT_COLUMN_NAMES = "split, subset, partition, fold, set"
REAL_SCORES = frozenset({"preal", "probreal", "realprob", "realscore", "realprobability", "authenticity"})
REAL_TRUTHS = frozenset({"isreal", "real", "authentic", "isauthentic", "ishuman", "human"})
AI_TRUTHS = frozenset({"isai", "isfake", "aigenerated", "isaigenerated", "generated", "fake", "ai"})
"""Columns that ask "is it AI-generated?", so that "yes" and "no" are answers."""
YES = frozenset(map(normal, ("yes", "y", "t", "ja", "oui", "sí", "sim", "sì", "да", "是", "はい", "예")))
NO = frozenset(map(normal, ("no", "n", "f", "nein", "non", "não", "нет", "否", "いいえ", "아니요")))


def guess_mapping(frame: pd.DataFrame) -> Mapping:
    """The most likely meaning of a table as `tables.read_frame` gives it. Words that are not understood as a
    whole belong to neither class, so that `apply_mapping` asks."""
    truth = _truth_column(frame)
    score = _score_column(frame, truth)
    taken = {truth, score}
    ai_words, real_words = classes(frame, truth)
    mapping = Mapping(
        truth=truth,
        score=score,
        id=_named(frame, ID_NAMES, taken),
        source=_named(frame, SOURCE_NAMES, taken),
        split=_named(frame, SPLIT_COLUMN_NAMES, taken),
        ai_words=ai_words,
        real_words=real_words,
        high_is_ai=high_is_ai(score),
        scale=scale(frame, score),
    )
    return with_predicted(frame, mapping, _predicted_column(frame, mapping))


def with_predicted(frame: pd.DataFrame, mapping: Mapping, predicted: str | None) -> Mapping:
    """The mapping where the score says how sure of the label in ``predicted`` the detector was; None where it
    speaks for one class alone. Words of that column that are understood belong to their class, unless the
    truth's say otherwise."""
    ai, real = classes(frame, predicted) if predicted in frame else (frozenset(), frozenset())
    said = mapping.ai_words | mapping.real_words
    return replace(
        mapping,
        predicted=predicted,
        ai_words=mapping.ai_words | ai - said,
        real_words=mapping.real_words | real - said,
    )


def truth_columns(frame: pd.DataFrame) -> list[str]:
    """The columns that could hold the truth: those of few different values."""
    return [column for column in frame.columns if _has_few_words(frame[column])]


def score_columns(frame: pd.DataFrame) -> list[str]:
    """The columns that could hold scores: those of numbers, also of numbers written as text."""
    return [column for column in frame.columns if _holds_numbers(frame[column])]


def classes(frame: pd.DataFrame, truth: str | None) -> tuple[frozenset[str], frozenset[str]]:
    """(words that mean AI-generated, words that mean real) in the column ``truth``; of those that are not
    understood neither."""
    if truth is None:
        return frozenset(), frozenset()
    meanings = {word: _meaning(word, normal(truth)) for word in words(frame[truth])}
    ai = frozenset(word for word, y_true in meanings.items() if y_true == 1)
    real = frozenset(word for word, y_true in meanings.items() if y_true == 0)
    return ai, real


def high_is_ai(score: str | None) -> bool:
    """Whether high scores of a column of that name mean AI-generated."""
    return score is None or normal(score) not in REAL_SCORES


def scale(frame: pd.DataFrame, score: str | None) -> Scale:
    """How the numbers of the column ``score`` are to be read."""
    if score is None:
        return Scale.PROBABILITY
    known = pd.Series(numbers(frame[score])).dropna()
    if normal(score) in ("logit", "logits") or (known < 0).any():
        return Scale.LOGIT
    return Scale.PERCENT if (known > 1).any() else Scale.PROBABILITY


def _meaning(word: str, column: str) -> int | None:
    """The y_true that a word of a truth column means; None where it is not understood. column: its name, as
    `normal` writes it."""
    one = 0 if column in REAL_TRUTHS else 1
    if word in ("1", "true"):
        return one
    if word in ("0", "false"):
        return 1 - one
    if column in REAL_TRUTHS | AI_TRUTHS:
        if normal(word) in YES:
            return one
        if normal(word) in NO:
            return 1 - one
    return class_of(word)


def _candidates(frame: pd.DataFrame, names: str, taken: Iterable[str | None] = ()) -> list[str]:
    """The columns with one of those names, the surest first."""
    order = {normal(name): place for place, name in enumerate(names.split(","))}
    found = [column for column in frame.columns if normal(str(column)) in order and column not in taken]
    return sorted(found, key=lambda column: order[normal(column)])


def _named(frame: pd.DataFrame, names: str, taken: Iterable[str | None]) -> str | None:
    return next(iter(_candidates(frame, names, taken)), None)


def _truth_column(frame: pd.DataFrame) -> str | None:
    named = [column for column in _candidates(frame, TRUTH_NAMES) if _has_few_words(frame[column])]
    for column in named:
        if _is_understood(frame, column):
            return column
    if named:
        return named[0]
    # No name says it: a column all of whose words say a class does.
    for column in frame.columns:
        if _holds_numbers(frame[column]) or not _has_few_words(frame[column]):
            continue
        if {class_of(word) for word in words(frame[column])} == {0, 1}:
            return column
    return None


def _score_column(frame: pd.DataFrame, truth: str | None) -> str | None:
    for column in _candidates(frame, SCORE_NAMES, {truth}):
        if _holds_numbers(frame[column]):
            return column
    # No name says it: the only column of fractions from 0 to 1 does, or the only one of any fractions.
    known = {column: frame[column].dropna() for column in frame.columns if column != truth}
    any_fractions = [
        name for name, values in known.items() if is_float_dtype(values) and values.nunique() > 2
    ]
    fractions = [name for name in any_fractions if known[name].between(0, 1).all()]
    for found in (fractions, any_fractions):
        if len(found) == 1:
            return found[0]
    return None


def _predicted_column(frame: pd.DataFrame, mapping: Mapping) -> str | None:
    """The column of what was predicted, where the score must be how sure of that the detector was: of two
    classes the likelier one never has less than one half."""
    if mapping.score is None or mapping.scale is Scale.LOGIT:
        return None
    half = 50 if mapping.scale is Scale.PERCENT else 0.5
    if not (pd.Series(numbers(frame[mapping.score])).dropna() >= half).all():
        return None
    named = _candidates(frame, PREDICTED_NAMES, {mapping.truth, mapping.score})
    return next((column for column in named if holds_classes(frame, column)), None)


def holds_classes(frame: pd.DataFrame, column: str) -> bool:
    """Whether a column names both classes, and every word in it is understood."""
    few = _has_few_words(frame[column])
    return few and all(classes(frame, column)) and _is_understood(frame, column)


def _is_understood(frame: pd.DataFrame, column: str) -> bool:
    """Whether every word of a column means one class or the other."""
    return len(frozenset.union(*classes(frame, column))) == len(words(frame[column]))


def _has_few_words(values: pd.Series) -> bool:
    return 1 <= values.nunique() <= MAX_WORDS


def _holds_numbers(values: pd.Series) -> bool:
    """Whether some cell is a number and all that are filled in are."""
    if values.dtype == bool or not len(known := values.dropna()):
        return False
    first = numbers(known.iloc[:1])
    return bool(pd.notna(first).all() and pd.notna(numbers(known)).all())
