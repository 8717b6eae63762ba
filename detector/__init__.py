"""Telltale's library: tells AI-generated images from real ones and shows why.

    from detector import Classifier

    classifier = Classifier.load()
    for result in classifier.analyse_files(["photo.jpg"]):
        print(result.path, result.analysis.verdict if result.analysis else result.error)

The names below are imported when they are first used, so ``import detector`` costs nothing; TensorFlow is
imported when a ``Classifier`` is made. Pictures of heatmaps come from ``detector.overlay``, figures from
``detector.evaluation``.
"""

from importlib import import_module

_HOMES = {
    "bundle": ("Bundle", "BundleError", "list_bundles", "find_bundle", "read_bundle"),
    "classifier": ("Analysis", "Classifier", "FileResult", "image_files"),
    "explain": ("Heatmap",),
    "images": ("ImageReadError", "Photo", "read_image"),
    "preprocessing": ("Preprocessing", "Region"),
    "verdicts": ("Side", "Verdict"),
}
_HOME = {name: module for module, names in _HOMES.items() for name in names}

__all__ = [
    "Analysis",
    "Bundle",
    "BundleError",
    "Classifier",
    "FileResult",
    "Heatmap",
    "ImageReadError",
    "Photo",
    "Preprocessing",
    "Region",
    "Side",
    "Verdict",
    "find_bundle",
    "image_files",
    "list_bundles",
    "read_bundle",
    "read_image",
]


def __getattr__(name: str):
    if name not in _HOME:
        raise AttributeError(f"module {__name__!r} has no attribute {name!r}")
    return getattr(import_module(f"{__name__}.{_HOME[name]}"), name)


def __dir__() -> list[str]:
    return __all__
