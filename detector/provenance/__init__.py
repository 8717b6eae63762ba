"""What a picture's file says of itself, kept apart from what the model says of the picture: `file_facts`."""

from detector.provenance.contradiction import contradiction
from detector.provenance.facts import FileFacts, file_facts
from detector.provenance.finding import Finding

__all__ = ["FileFacts", "Finding", "contradiction", "file_facts"]
