"""An exported model of the small run, and photos and videos with real faces."""

from fractions import Fraction

import av
import numpy as np
import pytest
from PIL import Image
from skimage import data

from fer_lib.data.labels import EMOTION_NAMES

# NASA's portrait of Eileen Collins, which is in the public domain, and the box of her face.
PORTRAIT = Image.fromarray(data.astronaut())
PORTRAIT_BOX = np.array([166, 57, 115])


def _is_near(box, expected=PORTRAIT_BOX):
    return np.abs(np.array(box) - expected).max() <= 0.08 * expected[2]


@pytest.fixture(scope="session")
def portrait():
    return PORTRAIT


@pytest.fixture(scope="session")
def portrait_box():
    return PORTRAIT_BOX


@pytest.fixture(scope="session")
def is_near():
    """Whether a box is that of the portrait's face, or another one, within 8 % of its side."""
    return _is_near


@pytest.fixture(scope="session")
def model_path(run, tmp_path_factory):
    """The small run as an exported file."""
    from fer_lib.deploy.onnx_export import export_onnx

    path = tmp_path_factory.mktemp("model") / "tiny.onnx"
    export_onnx(run, path)
    return path


@pytest.fixture
def model(model_path):
    from fer_lib.deploy.inference import OnnxModel

    return OnnxModel(model_path)


@pytest.fixture(scope="session")
def two_faces(tmp_path_factory):
    """The file of a photo with two real faces."""
    photo = Image.new("RGB", (1024, 512))
    photo.paste(PORTRAIT, (0, 0))
    mirrored = PORTRAIT.transpose(Image.Transpose.FLIP_LEFT_RIGHT).resize((480, 480))
    photo.paste(mirrored, (530, 20))
    path = tmp_path_factory.mktemp("photos") / "two.png"
    photo.save(path)
    return path


class StubModel:
    """Predicts one emotion with probability 1 for every face of a call; counts the calls."""

    def __init__(self, *emotions):
        self.emotions, self.calls = emotions, 0

    def probabilities(self, faces):
        rows = np.zeros((len(faces), 7), np.float32)
        rows[:, EMOTION_NAMES.index(self.emotions[min(self.calls, len(self.emotions) - 1)])] = 1
        self.calls += 1
        return rows


@pytest.fixture
def stub_model():
    """Makes a model that predicts one emotion for each call, the last one for all others."""
    return StubModel


def _write_video(path, images, seconds=None, codec="libx264", comment=None):
    seconds = seconds or [number / 10 for number in range(len(images))]
    with av.open(str(path), "w") as container:
        container.metadata["comment"] = comment or ""
        stream = container.add_stream(codec, rate=10)
        stream.width, stream.height = images[0].size
        stream.pix_fmt = "yuv420p"
        stream.codec_context.time_base = Fraction(1, 1000)
        for image, time in zip(images, seconds, strict=True):
            frame = av.VideoFrame.from_image(image)
            frame.pts, frame.time_base = round(1000 * time), Fraction(1, 1000)
            container.mux(stream.encode(frame))
        container.mux(stream.encode())
    return path


@pytest.fixture(scope="session")
def write_video():
    """Writes a video of images, shown from the given seconds on."""
    return _write_video


@pytest.fixture(scope="session")
def moving_faces():
    """22 images, 512 × 256: one face moves, another is there in the first 12 only."""
    face = PORTRAIT.crop((96, 0, 352, 256))
    images = []
    for number in range(22):
        image = Image.new("RGB", (512, 256), (90, 110, 120))
        image.paste(face.resize((200, 200)), (3 * number, 30))
        if number < 12:
            image.paste(face.transpose(Image.Transpose.FLIP_LEFT_RIGHT), (256, 0))
        images.append(image)
    return images


@pytest.fixture(scope="session")
def video(moving_faces, tmp_path_factory):
    """The file of a video of `moving_faces` with a variable frame rate: 0, 0.1, 0.3, 0.6 s, …"""
    seconds = [number * (number + 1) / 20 for number in range(len(moving_faces))]
    return _write_video(tmp_path_factory.mktemp("video") / "two.mp4", moving_faces, seconds)
