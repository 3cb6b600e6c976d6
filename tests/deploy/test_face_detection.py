from pathlib import Path

import numpy as np
import pytest
from PIL import Image

from fer_lib.deploy.face_detection import (
    INPUT_SIZE,
    MODEL,
    Detection,
    _session,
    anchors,
    decode,
    detect_faces,
    run_network,
    suppress_overlapping,
    tiles,
)
from fer_lib.deploy.images import photo_from_array, read_image

ROOT = Path(__file__).resolve().parents[2]


def portrait_tile(portrait):
    """256 pixels of the portrait around the face, at half their size."""
    return np.asarray(portrait.crop((96, 0, 352, 256)).reduce(2))


# The network


def test_network_predicts_what_the_original_predicts(portrait):
    """Numbers of face_detection_short_range.tflite in LiteRT 2.3, at its most certain anchor."""
    pixels = portrait_tile(portrait)[None].astype(np.float32) / 127.5 - 1
    regressors, logits = _session().run(["regressors", "classificators"], {"input": pixels})
    assert logits.shape == (1, 896, 1) and logits[0].argmax() == 680
    assert (logits > 0).sum() == 10 and logits[0, 680, 0] == pytest.approx(2.4758, abs=1e-3)
    expected = (-7.836, 5.650, 51.339, 51.328, -18.749, -5.709, 2.727, -4.997)
    np.testing.assert_allclose(regressors[0, 680, :8], expected, atol=2e-3)


def test_network_and_original_agree_at_each_anchor(portrait):
    litert = pytest.importorskip("ai_edge_litert.interpreter", reason="needs ai-edge-litert")
    folders = (ROOT / "build" / "npm" / "@mediapipe").glob("face_detection@*/package")
    source = next(folders, Path()) / "face_detection_short_range.tflite"
    if not source.is_file():
        pytest.skip("benchmarks/convert_face_detector.py has not downloaded the original")
    interpreter = litert.Interpreter(str(source))
    interpreter.allocate_tensors()
    noise = np.random.default_rng(0).integers(0, 256, (128, 128, 3), np.uint8)
    for tile in (portrait_tile(portrait), noise):
        pixels = tile[None].astype(np.float32) / 127.5 - 1
        interpreter.set_tensor(interpreter.get_input_details()[0]["index"], pixels)
        interpreter.invoke()
        for output in interpreter.get_output_details():
            (converted,) = _session().run([output["name"]], {"input": pixels})
            expected = interpreter.get_tensor(output["index"])
            np.testing.assert_allclose(converted, expected, atol=2e-3)


def test_file_and_its_license_are_in_the_package():
    assert MODEL.stat().st_size < 600_000
    notice = MODEL.with_suffix(".NOTICE").read_text()
    assert "Apache License" in notice and "@mediapipe/face_detection" in notice
    script = (ROOT / "benchmarks" / "convert_face_detector.py").read_text()
    version, sha512 = (
        "0.4.1657300184",
        "k5aYtTf7av7GwD3C9T4LJB/okHK/uJwFQSOmJ9OHZMlwg7SdYVMolRgDlA962",
    )
    assert all(text in notice and text in script for text in (version, sha512))
    assert "Apache License" in MODEL.with_suffix(".LICENSE").read_text()
    assert '"deploy/face_detection_short_range.*"' in (ROOT / "pyproject.toml").read_text()


# Its outputs


def test_anchors_are_two_at_each_8_pixels_and_six_at_each_16():
    points = anchors()
    assert points.shape == (16 * 16 * 2 + 8 * 8 * 6, 2)
    assert points[[0, 1, 2, 32, 511]].tolist() == [[4, 4], [4, 4], [12, 4], [4, 12], [124, 124]]
    assert points[[512, 517, 518, 895]].tolist() == [[8, 8], [8, 8], [24, 8], [120, 120]]


def test_outputs_are_relative_to_the_anchor():
    outputs = np.zeros((1, 16), np.float32)
    outputs[0, :8] = (1, 2, 30, 34, -5, -6, 7, 8)
    faces = decode(outputs, np.array([[20, 60]], np.float32), np.array([0.5]))
    assert faces.tolist() == [[21, 62, 15, 54, 27, 68, 32, 0.5]]


def test_scores_are_probabilities(portrait):
    scores = run_network(portrait_tile(portrait))[:, 7]
    assert scores.max() == pytest.approx(1 / (1 + np.exp(-2.4758)), abs=1e-3)
    assert scores.min() >= 0.1


def test_overlapping_faces_are_merged_by_their_scores():
    def row(x, side, score):
        return [x, 50, x - 5, 45, x + 5, 45, side, score]

    # Squares of side 20 at 50 and 54 share 16 × 20 of 480 pixels: 0.67. At 64 it is 0.18.
    faces = suppress_overlapping(np.array([row(54, 20, 0.3), row(50, 20, 0.9), row(64, 20, 0.5)]))
    assert faces.tolist() == [pytest.approx(row(51, 20, 0.9)), pytest.approx(row(64, 20, 0.5))]
    assert suppress_overlapping(np.empty((0, 8))).shape == (0, 8)


@pytest.mark.parametrize("length", [128, 129, 300, 512, 1024])
def test_tiles_cover_a_side_and_each_position_belongs_to_one(length):
    covered = list(tiles(length))
    assert covered[0][0] == 0 and covered[-1][0] == length - INPUT_SIZE
    for position in range(length):
        (start,) = [start for start, (low, high) in covered if low <= position < high]
        # Half the overlap lies between a face's center and the next side of its tile.
        assert position - start >= min(16, position)
        assert start + INPUT_SIZE - position >= min(16, length - position)


def test_angle_is_that_of_the_eyes():
    assert Detection((0, 0), 10, ((0, 0), (2, 0)), 1).angle == 0
    assert Detection((0, 0), 10, ((0, 0), (2, 2)), 1).angle == pytest.approx(45)


# Photos


def test_faces_from_left_to_right(two_faces, is_near):
    left, right = detect_faces(read_image(two_faces))
    # The second face is mirrored and scaled by 480/512, with its corner at (530, 20).
    scale = 480 / 512
    mirrored = np.array([530 + scale * (512 - 166 - 115), 20 + scale * 57, scale * 115])
    assert is_near(left.square) and is_near(right.square, mirrored)


@pytest.mark.parametrize("angle", [-40, -20, 20, 40])
def test_rotated_face_is_found_with_its_angle(portrait, angle, portrait_box):
    turned = portrait.rotate(-angle, Image.Resampling.BICUBIC)
    (face,) = detect_faces(photo_from_array(np.asarray(turned)))
    assert face.angle == pytest.approx(angle + 3, abs=5)  # the portrait's own is 3°
    left, top, side = portrait_box
    offset = complex(left + side / 2 - 256, top + side / 2 - 256)
    center = offset * np.exp(1j * np.radians(angle)) + complex(256, 256)
    left, top, found_side = face.square
    assert abs(complex(left + found_side / 2, top + found_side / 2) - center) < 0.1 * side
    assert found_side == pytest.approx(side, rel=0.1)


def test_small_face_in_a_large_photo_is_found(portrait):
    face = portrait.crop((74, 0, 374, 300)).resize((240, 240))  # the face's side: 80
    photo = Image.new("RGB", (4000, 3000), (90, 110, 130))
    photo.paste(face, (2950, 1870))
    (found,) = detect_faces(photo_from_array(np.asarray(photo)))
    assert found.side == pytest.approx(80, rel=0.1)
    assert found.center == pytest.approx((2950 + 0.8 * 150, 1870 + 0.8 * 123), abs=8)


def test_face_that_fills_the_photo_is_found(portrait):
    (face,) = detect_faces(photo_from_array(np.asarray(portrait.crop((164, 60, 284, 180)))))
    assert face.side == pytest.approx(102, rel=0.15)


def test_photo_without_a_face_has_none():
    for shape in ((1, 1), (1, 4000), (300, 300)):
        assert detect_faces(photo_from_array(np.full(shape, 128, np.uint8))) == []
