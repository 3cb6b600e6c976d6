"""An exported model of the small run, and photos with real faces."""

import numpy as np
import pytest
from PIL import Image
from skimage import data

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


@pytest.fixture(scope="session")
def video(two_faces, tmp_path_factory):
    """The file of a video of 40 frames, 10 per second: two faces in 30 frames, none in 10."""
    import cv2

    path = tmp_path_factory.mktemp("video") / "two.mp4"
    frame = cv2.resize(cv2.imread(str(two_faces)), None, fx=0.5, fy=0.5)
    writer = cv2.VideoWriter(str(path), cv2.VideoWriter.fourcc(*"mp4v"), 10, frame.shape[1::-1])
    for number in range(40):
        writer.write(frame if number < 30 else np.zeros_like(frame))
    writer.release()
    return path
