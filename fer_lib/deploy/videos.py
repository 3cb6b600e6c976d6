"""Read and write videos, and read a camera, with FFmpeg through PyAV.

Only local files of known containers are opened: FFmpeg gets an open file, not its name, so neither
an address nor a playlist reaches the network or other files.
"""

import contextlib
import sys
from collections.abc import Iterator
from dataclasses import dataclass
from fractions import Fraction
from pathlib import Path
from typing import BinaryIO

import av
import av.device
import numpy as np
from PIL import Image

from fer_lib.deploy.images import Photo, require_input_file
from fer_lib.deploy.suffixes import is_photo
from fer_lib.text import printable

LARGEST_SIDE = 3840  # pixels; larger frames are reduced to it
LARGEST_FRAME = 64_000_000  # pixels; a decoder holds several frames
WRITTEN_BY = "written by fer_lib"  # the comment in files of predictions
_CONTAINERS = "mov,mp4,m4a,3gp,3g2,mj2,matroska,webm,avi,mpegts,mpeg,flv,asf,ogg"
_TIME_BASE = Fraction(1, 90_000)  # seconds; of written videos
_TOLERANCE = 0.02  # share of frames or of seconds by which containers may be wrong
_DEFAULT_RATE = 25  # frames a second, where neither stream nor frame has a time


class VideoError(ValueError):
    """Raised for a video or camera that cannot be read; the message says why."""


@dataclass(frozen=True, eq=False)
class Frame:
    """A frame of a video.

    Attributes:
        photo: the upright frame.
        seconds: its time from the start of the video, as the container states it.
    """

    photo: Photo
    seconds: float


def read_video(path: Path) -> Iterator[Frame]:
    """Read the frames of a video, one at a time.

    Frames are rotated as the container says. Frames of more than 3,840 pixels along a side are
    reduced to that.

    Raises:
        VideoError: the file does not exist, is not a video in a known container, or has too large
            frames; after the last frame, if it ends early or frames could not be decoded.
    """
    path = Path(path)
    require_input_file(path, VideoError)
    with path.open("rb") as file:
        try:
            container = _open(file)
        except (av.FFmpegError, OSError) as error:
            if is_photo(path):
                raise VideoError("not a video; use predict_faces for an image") from None
            raise VideoError(f"not a video, or broken: {_reason(error)}") from None
        with container:
            try:
                yield from _frames(container)
            except (av.FFmpegError, OSError) as error:
                raise VideoError(f"broken: {_reason(error)}") from None


def _open(file: BinaryIO) -> av.container.InputContainer:
    return av.open(file, options={"format_whitelist": _CONTAINERS})


def read_camera(number: int) -> Iterator[Frame]:
    """Read the frames of a camera, until the reader stops.

    Args:
        number: of the camera, from 0.

    Raises:
        VideoError: there is no such camera, or it cannot be opened.
    """
    format_name, device = _camera(number)
    try:
        with av.open(device, format=format_name) as container:
            yield from _frames(container)
    except av.FFmpegError as error:
        raise VideoError(_reason(error)) from None


def _camera(number: int) -> tuple[str, str]:
    """FFmpeg's format and name of a camera on this system."""
    if sys.platform == "darwin":
        return "avfoundation", f"{number}:none"
    if sys.platform == "win32":
        devices = av.device.enumerate_input_devices("dshow")
        names = [device.name for device in devices if "video" in device.media_types]
        if number >= len(names):
            raise VideoError(f"there are {len(names)} cameras")
        return "dshow", f"video={names[number]}"
    device = f"/dev/video{number}"
    if not Path(device).exists():
        raise VideoError(f"no such camera ({device})")
    return "v4l2", device


def _frames(container) -> Iterator[Frame]:
    if not container.streams.video:
        raise VideoError("holds no video")
    stream = container.streams.video[0]
    context = stream.codec_context
    context.thread_count = 1  # each thread holds frames
    if context.width * context.height > LARGEST_FRAME:
        raise VideoError(
            f"too large: frames of {context.width} × {context.height}; "
            f"at most {LARGEST_FRAME // 10**6} million pixels"
        )
    start = (container.start_time or 0) / av.time_base
    rate = float(stream.average_rate or _DEFAULT_RATE)
    count, broken, seconds = 0, 0, -1 / rate
    for packet in container.demux(stream):
        try:
            frames = packet.decode()
        except av.FFmpegError:
            broken += 1
            continue
        for frame in frames:
            seconds = seconds + 1 / rate if frame.time is None else frame.time - start
            count += 1
            yield Frame(_photo(frame), seconds)
    end = float(stream.duration * stream.time_base) if stream.duration else 0
    expected = stream.frames or end * rate
    if not count:
        raise VideoError("broken: no frame can be decoded")
    if broken or count < (1 - _TOLERANCE) * expected:
        raise VideoError(
            f"broken: it ends after {count} frames, at {seconds:.1f} s; it should have "
            f"{expected:.0f}"
            if not broken
            else f"broken: {broken} of {count + broken} frames cannot be decoded"
        )


def _photo(frame) -> Photo:
    notes, longest = (), max(frame.width, frame.height)
    size = {}
    if longest > LARGEST_SIDE:
        ratio = LARGEST_SIDE / longest
        size = {"width": round(ratio * frame.width), "height": round(ratio * frame.height)}
        notes = (f"reduced from {frame.width} × {frame.height}",)
    pixels = frame.to_ndarray(format="rgb24", **size)
    if quarters := round(frame.rotation / 90) % 4:
        pixels = np.ascontiguousarray(np.rot90(pixels, quarters))
    return Photo(pixels, notes)


def _reason(error: Exception) -> str:
    return printable(error.strerror or error).rstrip(".")


class VideoWriter:
    """Writes a video of H.264 in MP4, with the given times of the frames: a context manager.

    Leaving it checks that the file holds every frame.

    Args:
        path: of the file.
        width, height: of the frames; odd ones lose a row or column, as H.264 demands.

    Raises:
        OSError: the file cannot be written, such as on a full disk.
    """

    def __init__(self, path: Path, width: int, height: int):
        self._path, self._size = path, (width // 2 * 2, height // 2 * 2)
        self._count, self._time = 0, -1

    def __enter__(self) -> "VideoWriter":
        self._file = self._path.open("wb")
        self._container = av.open(self._file, "w", format="mp4")
        self._container.metadata["comment"] = WRITTEN_BY
        self._stream = self._container.add_stream("libx264", options={"preset": "veryfast"})
        self._stream.width, self._stream.height = self._size
        self._stream.pix_fmt = "yuv420p"
        self._stream.codec_context.time_base = _TIME_BASE
        return self

    def write(self, image: Image.Image, seconds: float) -> None:
        """Write a frame that is shown from a time on, which must not go back."""
        frame = av.VideoFrame.from_image(image.crop((0, 0, *self._size)))
        self._time = max(round(seconds / _TIME_BASE), self._time + 1)
        frame.pts, frame.time_base = self._time, _TIME_BASE
        with _os_errors():
            self._container.mux(self._stream.encode(frame))
        self._count += 1

    def __exit__(self, kind, error, traceback) -> None:
        with self._file, contextlib.suppress(*[Exception] if kind else []), _os_errors():
            if not kind:
                self._container.mux(self._stream.encode())
            self._container.close()
        if not kind:
            self._check()

    def _check(self) -> None:
        with self._path.open("rb") as file, _os_errors(), _open(file) as container:
            written = sum(packet.size > 0 for packet in container.demux(video=0))
        if written != self._count:
            raise OSError(f"{written} of {self._count} frames were written")


@contextlib.contextmanager
def _os_errors() -> Iterator[None]:
    try:
        yield
    except av.FFmpegError as error:
        raise OSError(_reason(error)) from error


def is_our_video(path: Path) -> bool:
    """Whether a file is a video that a `VideoWriter` wrote."""
    try:
        with path.open("rb") as file, _open(file) as container:
            return container.metadata.get("comment") == WRITTEN_BY
    except (OSError, av.FFmpegError):
        return False
