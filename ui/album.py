"""The pictures of a session, whatever page they were brought in on."""

from __future__ import annotations

from dataclasses import dataclass, field
from functools import cache
from importlib.util import find_spec
from pathlib import Path

from detector.cases import Remarks
from ui.pictures import Picture

SUFFIXES = ["jpg", "jpeg", "png", "webp", "gif", "bmp", "tif", "tiff", "avif", "mpo", "heic", "heif", "jxl"]
"""Of the files that can be uploaded. A hint for the browser: content decides what a file is."""


@dataclass
class Album:
    """What a session remembers of its pictures, also while its user is on another page.

    uploads: what is in Classify's uploader, by Streamlit's file id, so that each file is hashed once. others:
    samples, photos and what else has no place in the uploader, by picture id. pictures: all of these, each
    once, in the order they came, by picture id; as Classify last showed them. wanted: id of the picture to
    open next. taken_away: those of the uploader's files, by Streamlit's id, that are no longer wanted; the
    uploader itself keeps them. cleared: what "Clear all" took away and can bring back. photos, pasted: how
    many were taken and pasted. added: how many came in without the uploader. clearings: how often everything
    was cleared. Both are parts of the keys of widgets that have to start anew then. taken: how many came
    through the uploader. latest: id of the last of them. remarks: what the user says of pictures, by picture
    id; kept when a picture goes, because it may come back.
    """

    uploads: dict[str, Picture] = field(default_factory=dict)
    others: dict[str, Picture] = field(default_factory=dict)
    pictures: dict[str, Picture] = field(default_factory=dict)
    wanted: str | None = None
    taken_away: set[str] = field(default_factory=set)
    cleared: dict[str, Picture] = field(default_factory=dict)
    photos: int = 0
    pasted: int = 0
    added: int = 0
    clearings: int = 0
    taken: int = 0
    latest: str = ""
    remarks: dict[str, Remarks] = field(default_factory=dict)

    def remarks_on(self, picture_id: str) -> Remarks:
        """What the user says of a picture, which may be nothing."""
        return self.remarks.get(picture_id, Remarks())

    @property
    def brought_in(self) -> dict[str, Picture]:
        """All pictures by id, those too that were added on another page since Classify was last drawn."""
        return self.pictures | self.others

    def add(self, picture: Picture) -> None:
        """A picture that is in no uploader; it is the one to open next."""
        self.others[picture.id] = picture
        self.added += 1
        self.wanted = picture.id

    def add_photo(self, content: bytes) -> None:
        """A picture from the camera."""
        self.photos += 1
        self.add(Picture.of(f"photo {self.photos}.jpg", content))

    def add_pasted(self, content: bytes) -> None:
        """A picture from the clipboard, which gives it no name of its own."""
        self.pasted += 1
        self.add(Picture.of(f"pasted {self.pasted}", content))

    def remove(self, picture_id: str) -> None:
        """Take a picture away, wherever it came from."""
        files = [file_id for file_id, picture in self.uploads.items() if picture.id == picture_id]
        for file_id in files:
            del self.uploads[file_id]
            self.taken_away.add(file_id)
        self.others.pop(picture_id, None)

    def keep_uploads(self) -> None:
        """The uploader was emptied, and not by its user: what was in it stays."""
        self.others |= {picture.id: picture for picture in self.uploads.values()}
        self.uploads = {}

    def update(self) -> None:
        """Bring ``pictures`` up to date: new ones come last, removed ones go."""
        here = {picture.id: picture for picture in self.uploads.values()} | self.others
        stayed = {picture_id: here[picture_id] for picture_id in self.pictures if picture_id in here}
        self.pictures = stayed | here
        if self.pictures:
            self.cleared = {}

    def clear(self) -> None:
        self.cleared = self.pictures
        self.uploads, self.others, self.taken_away = {}, {}, set()
        self.clearings += 1

    def bring_back(self) -> None:
        """What was cleared last."""
        self.others = self.cleared


@cache
def samples() -> dict[str, Path]:
    """Real photos that every installation has: the two that scikit-learn ships."""
    # Found without importing scikit-learn, which would cost the page a second.
    spec = find_spec("sklearn")
    assert spec and spec.origin  # it is in requirements.txt
    folder = Path(spec.origin).parent / "datasets" / "images"
    return {"temple": folder / "china.jpg", "flower": folder / "flower.jpg"}
