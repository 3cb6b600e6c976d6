import struct

import av
import numpy as np
import pytest
from PIL import Image

from fer_lib.deploy import videos
from fer_lib.deploy.videos import VideoError, VideoWriter, is_our_video, read_camera, read_video


def gray_images(count, size=(64, 48)):
    return [Image.new("RGB", size, (9 * n, 9 * n, 9 * n)) for n in range(count)]


def frames(path):
    return list(read_video(path))


def error_of(path):
    """The frames before the error of a video, and its message."""
    read = []
    with pytest.raises(VideoError) as caught:
        for frame in read_video(path):
            read.append(frame)
    return read, str(caught.value)


def test_times_are_those_of_the_container(write_video, tmp_path):
    seconds = [0, 0.04, 0.2, 1.5, 1.533]
    path = write_video(tmp_path / "a.mp4", gray_images(5), seconds)
    assert [frame.seconds for frame in frames(path)] == pytest.approx(seconds, abs=1e-3)


@pytest.mark.parametrize("name", ["a.mkv", "a.mov", "a.avi", "a.ts", "a.mpg"])
def test_known_containers_start_at_zero(name, write_video, tmp_path):
    codec = "mpeg4" if name == "a.avi" else "mpeg1video" if name == "a.mpg" else "libx264"
    images = gray_images(8)
    path = tmp_path / name
    with av.open(str(path), "w") as container:
        stream = container.add_stream(codec, rate=25)
        stream.width, stream.height, stream.pix_fmt = 64, 48, "yuv420p"
        for image in images:
            container.mux(stream.encode(av.VideoFrame.from_image(image)))
        container.mux(stream.encode())
    seconds = [frame.seconds for frame in frames(path)]
    assert np.diff(seconds) == pytest.approx([0.04] * 7, abs=2e-3)
    assert seconds[0] == pytest.approx(0, abs=0.05)


def test_name_that_is_not_utf8(write_video, tmp_path):
    path = write_video(tmp_path / "a.mp4", gray_images(3))
    other = path.with_name(b"\xff\xfe.mp4".decode("utf-8", "surrogateescape"))
    path.rename(other)
    assert len(frames(other)) == 3


def test_rotation_of_the_container_is_applied(write_video, tmp_path):
    """A phone held upright: the matrix in the file says that frames are shown turned clockwise."""
    image = Image.new("RGB", (64, 32), "white")
    image.paste("black", (0, 0, 20, 32))  # its left becomes the top
    path = write_video(tmp_path / "a.mp4", [image] * 2)
    content = bytearray(path.read_bytes())
    matrix = content.index(b"tkhd") + 4 + 40
    one = 1 << 16
    assert struct.unpack_from(">2i", content, matrix) == (one, 0)
    struct.pack_into(">9i", content, matrix, 0, one, 0, -one, 0, 0, 32 << 16, 0, 1 << 30)
    path.write_bytes(content)
    pixels = frames(path)[0].photo.pixels
    assert pixels.shape == (64, 32, 3)
    assert pixels[:18].max() < 40 and pixels[24:].min() > 215


def test_large_frames_are_reduced(write_video, tmp_path, monkeypatch):
    monkeypatch.setattr(videos, "LARGEST_SIDE", 32)
    (frame,) = frames(write_video(tmp_path / "a.mp4", gray_images(1)))
    assert frame.photo.pixels.shape == (24, 32, 3)
    assert frame.photo.notes == ("reduced from 64 × 48",)


def test_too_large_frames_are_refused(write_video, tmp_path, monkeypatch):
    monkeypatch.setattr(videos, "LARGEST_FRAME", 3000)
    read, message = error_of(write_video(tmp_path / "a.mp4", gray_images(1)))
    assert not read and message.startswith("too large: frames of 64 × 48")


def test_video_that_is_cut(write_video, tmp_path):
    path = tmp_path / "a.mp4"
    with av.open(str(path), "w", options={"movflags": "faststart"}) as container:
        stream = container.add_stream("mpeg4", rate=25)
        stream.width, stream.height, stream.pix_fmt = 64, 48, "yuv420p"
        rng = np.random.default_rng(0)
        for _ in range(100):
            noise = rng.integers(0, 256, (48, 64, 3), np.uint8)
            container.mux(stream.encode(av.VideoFrame.from_ndarray(noise)))
        container.mux(stream.encode())
    content = path.read_bytes()
    path.write_bytes(content[: int(0.93 * len(content))])
    read, message = error_of(path)
    assert 85 < len(read) < 98 and message.startswith("broken: ")


def test_files_that_are_no_videos(tmp_path):
    (tmp_path / "text.mp4").write_text("hello")
    (tmp_path / "empty.mp4").touch()
    for name in ("text.mp4", "empty.mp4"):
        assert error_of(tmp_path / name)[1].startswith("not a video, or broken: ")
    assert error_of(tmp_path / "none.mp4")[1] == "no such file"
    (tmp_path / "folder").mkdir()
    assert error_of(tmp_path / "folder")[1] == "the folder holds no photo or video"
    gray_images(1)[0].save(tmp_path / "a.JPG")
    assert error_of(tmp_path / "a.JPG") == ([], "not a video; use predict_faces for an image")


@pytest.mark.parametrize(
    "playlist",
    [
        "#EXTM3U\n#EXT-X-TARGETDURATION:9\n#EXTINF:9,\n{name}\n#EXT-X-ENDLIST\n",
        "ffconcat version 1.0\nfile {name}\n",
    ],
)
def test_playlist_opens_no_other_file(playlist, write_video, tmp_path):
    write_video(tmp_path / "a.ts", gray_images(3))
    path = tmp_path / "list.mp4"
    path.write_text(playlist.format(name="a.ts"))
    assert error_of(path)[1].startswith("not a video")


def test_address_is_a_file_that_does_not_exist():
    assert error_of("http://localhost:9/a.mp4")[1] == "no such file"


def test_camera_reads_frames(monkeypatch):
    monkeypatch.setattr(videos, "_camera", lambda number: ("lavfi", "testsrc=size=64x48:rate=10"))
    camera = read_camera(0)
    first, second = next(camera), next(camera)
    assert first.photo.pixels.shape == (48, 64, 3)
    assert (first.seconds, second.seconds) == pytest.approx((0, 0.1))


def test_missing_camera_is_an_error():
    with pytest.raises(VideoError, match=r"^no such camera \(/dev/video99\)$"):
        next(read_camera(99))


def test_written_video_keeps_the_times_and_odd_sizes_lose_a_row(tmp_path):
    path, seconds = tmp_path / "a.mp4", [0, 0.1, 0.7, 0.71]
    with VideoWriter(path, 65, 49) as writer:
        for image, time in zip(gray_images(4, (65, 49)), seconds, strict=True):
            writer.write(image, time)
    read = frames(path)
    assert [frame.seconds for frame in read] == pytest.approx(seconds, abs=1e-4)
    assert read[0].photo.pixels.shape == (48, 64, 3)
    assert is_our_video(path)


def test_other_videos_and_files_are_not_ours(write_video, tmp_path):
    (tmp_path / "text.mp4").write_text("hello")
    assert not is_our_video(tmp_path / "text.mp4")
    assert not is_our_video(write_video(tmp_path / "a.mp4", gray_images(2)))


def test_full_disk_is_an_error_when_the_file_is_closed():
    images = [Image.effect_noise((64, 48), 99).convert("RGB") for _ in range(3)]
    with (
        pytest.raises(OSError, match="No space left"),
        VideoWriter(videos.Path("/dev/full"), 64, 48) as writer,
    ):
        for number, image in enumerate(images):
            writer.write(image, number / 10)


def test_lost_frames_are_found_when_the_file_is_closed(tmp_path):
    with (
        pytest.raises(OSError, match="3 of 4 frames were written"),
        VideoWriter(tmp_path / "a.mp4", 64, 48) as writer,
    ):
        for number, image in enumerate(gray_images(3)):
            writer.write(image, number / 10)
        writer._count += 1
