"""Tell photos from videos by the endings of their names."""

from pathlib import Path

from fer_lib.images import SUFFIXES

VIDEO_SUFFIXES = frozenset(
    (
        *(".3gp", ".asf", ".avi", ".flv", ".m2ts", ".m2v", ".m4v", ".mkv", ".mov"),
        *(".mp4", ".mpeg", ".mpg", ".mts", ".ogv", ".ts", ".webm", ".wmv"),
    )
)
PHOTO_SUFFIXES = frozenset(SUFFIXES) | {".heic", ".heif"}  # these to say that they are not read


def is_video(path: Path) -> bool:
    """Whether the ending of a file's name is a video's."""
    return path.suffix.lower() in VIDEO_SUFFIXES


def is_photo(path: Path) -> bool:
    """Whether the ending of a file's name is a photo's."""
    return path.suffix.lower() in PHOTO_SUFFIXES
