import json
import os
import subprocess
import sys

import cv2
import numpy as np
import pytest
from PIL import Image
from skimage import data

from fer_lib.cli import main
from fer_lib.data.labels import EMOTION_NAMES
from fer_lib.deploy import faces as predict
from fer_lib.deploy import onnx_export as export
from fer_lib.deploy.faces import (
    _PENDING,
    Classifier,
    Face,
    face_caption,
    predict_photos,
    predict_video,
)
from fer_lib.deploy.images import LONGEST, Detector, Photo, PhotoError, crop_face, read_image
from fer_lib.deploy.onnx_export import export_onnx
from fer_lib.runs import run as runs

WOMAN = Image.fromarray(
    data.astronaut()
)  # NASA's portrait of Eileen Collins: public domain, with scikit-image
BOX = np.array([174, 63, 101])  # of her face
ORIENTATION = 0x0112


@pytest.fixture(scope="module")
def model(run, tmp_path_factory):
    path = tmp_path_factory.mktemp("model") / "tiny.onnx"
    with pytest.MonkeyPatch.context() as patch:
        patch.setattr("fer_lib.profiles.find_dataset", lambda: None)
        export_onnx(run, path)
    return path


@pytest.fixture(scope="module")
def two(tmp_path_factory):
    """A made photo with two real faces."""
    photo = Image.new("RGB", (1024, 512))
    photo.paste(WOMAN, (0, 0))
    photo.paste(WOMAN.transpose(Image.Transpose.FLIP_LEFT_RIGHT).resize((480, 480)), (530, 20))
    path = tmp_path_factory.mktemp("photos") / "two.png"
    photo.save(path)
    return path


def save_turned(path):
    exif = Image.Exif()
    exif[ORIENTATION] = 6
    WOMAN.rotate(90, expand=True).save(path, exif=exif)


def save_sixteen_bits(path):
    Image.fromarray(np.asarray(WOMAN.convert("L")).astype(np.uint16) * 257).save(path)


def save_with_alpha(path):
    image = WOMAN.copy()
    image.putalpha(220)
    image.save(path)


GOOD = {
    "turned.jpg": (save_turned, "turned as its EXIF data say"),
    "cmyk.jpg": (lambda path: WOMAN.convert("CMYK").save(path), "converted from CMYK"),
    "alpha.png": (save_with_alpha, "laid on white where it is transparent"),
    "sixteen.png": (save_sixteen_bits, "brightness scaled from more than 8 bits"),
    "palette.gif": (lambda path: WOMAN.convert("P").save(path), ""),
}
BAD = {
    "empty.jpg": (lambda path: path.touch(), "not a picture"),
    "text.jpg": (lambda path: path.write_text("hello"), "not a picture"),
    "broken.jpg": (
        lambda path: (WOMAN.save(path), path.write_bytes(path.read_bytes()[:9000])),
        "broken: image file is truncated",
    ),
    "huge.png": (
        lambda path: Image.new("1", (20_000, 10_000)).save(path),
        "too large: more than 178 million pixels",
    ),
}
FACELESS = {
    "one.png": lambda path: Image.new("RGB", (1, 1)).save(path),
    "line.png": lambda path: Image.new("RGB", (4000, 1)).save(path),
    "grey.png": lambda path: Image.new("L", (300, 300), 128).save(path),
}


def near(box, expected=BOX):
    return np.abs(np.array(box) - expected).max() <= 0.08 * expected[2]


@pytest.mark.parametrize("name", GOOD)
def test_a_photo_of_any_form_is_read_upright(name, tmp_path):
    save, note = GOOD[name]
    save(tmp_path / name)
    photo = read_image(tmp_path / name)
    assert photo.notes == ((note,) if note else ())
    (box,) = Detector().boxes(photo)
    assert near(box)


def test_a_large_photo_is_reduced_and_its_boxes_are_those_of_the_file(tmp_path, model):
    WOMAN.resize((4096, 4096)).save(tmp_path / "large.jpg")
    (answer,) = predict_photos([tmp_path / "large.jpg"], Classifier(model))
    assert (
        answer.notes == ("reduced from 4096 × 4096",) and max(answer.photo.pixels.shape) == LONGEST
    )
    assert near(answer.faces[0].box, 8 * BOX)


@pytest.mark.parametrize("name", BAD)
def test_a_bad_file_says_why(name, tmp_path):
    make, message = BAD[name]
    make(tmp_path / name)
    with pytest.raises(PhotoError, match=message):
        read_image(tmp_path / name)


def test_a_crop_is_the_mean_of_areas_and_goes_on_beyond_the_edge():
    grey = np.zeros((96, 96), np.uint8)
    grey[:, 48:] = 200
    photo = Photo(np.stack([grey] * 3, axis=2))
    whole = crop_face(photo, np.array([0, 0, 96]))
    np.testing.assert_array_equal(whole, grey[::2, ::2])
    beyond = crop_face(photo, np.array([48, -48, 96]))
    assert beyond.shape == (48, 48) and (beyond == 200).all()
    assert crop_face(photo, np.array([40, 40, 20])).shape == (48, 48)


def test_faces_from_several_photos_are_classified_together_and_alike(two, model):
    classifier = Classifier(model)
    calls = []
    original = classifier.probabilities
    classifier.probabilities = lambda faces: calls.append(len(faces)) or original(faces)
    answers = list(predict_photos([two] * 5, classifier))
    assert calls == [10] and all(answer.faces == answers[0].faces for answer in answers)
    alone = crop_face(read_image(two), Detector().boxes(read_image(two))[1])
    np.testing.assert_allclose(
        answers[0].faces[1].probabilities, original(alone[None])[0], atol=1e-6
    )


def test_a_folder_of_good_and_bad_files_ends_with_a_table_and_an_exit_code_that_tell_the_truth(
    two, model, tmp_path, capsys
):
    folder = tmp_path / "mixed"
    folder.mkdir()
    for name, (make, _) in {**GOOD, **BAD}.items():
        make(folder / name)
    for name, make in FACELESS.items():
        make(folder / name)
    (folder / "notes.txt").touch()
    command = [
        "predict",
        str(folder),
        str(two),
        "--model",
        str(model),
        "--save",
        str(tmp_path / "boxes"),
    ]
    assert main(command) == 2
    out, err = capsys.readouterr()
    lines = {}
    for line in out.splitlines():
        lines.setdefault(os.path.basename(line.split("  ")[0]), []).append(line)
    for name, (_, note) in GOOD.items():
        assert (
            len(lines[name]) == 1
            and note in lines[name][0]
            and any(emotion in lines[name][0] for emotion in EMOTION_NAMES)
        )
    for name, (_, message) in BAD.items():
        assert "could not be read" in lines[name][0] and message in lines[name][0]
    assert (
        all("no face found" in lines[name][0] for name in FACELESS) and len(lines["two.png"]) == 2
    )
    assert out.splitlines()[-1] == "13 photos: 7 faces in 6, no face in 3, 4 could not be read"
    assert "not read as photos: 1 .txt" in err
    assert len(list((tmp_path / "boxes").iterdir())) == 9
    assert main(["predict", str(two), "--model", str(model)]) == 0


def test_json_is_one_line_a_photo(two, model, tmp_path, capsys):
    assert (
        main(["predict", str(two), str(tmp_path / "no*.png"), "--json", "--model", str(model)]) == 2
    )
    good, bad = map(json.loads, capsys.readouterr().out.splitlines())
    assert len(good["faces"]) == 2 and near(good["faces"][0]["box"])
    for face in good["faces"]:
        assert face["emotion"] == max(face["probabilities"], key=face["probabilities"].get)
        assert sum(face["probabilities"].values()) == pytest.approx(1, abs=1e-5)
    assert bad["error"] == "there is no such file"


def test_an_empty_folder_is_said(model, tmp_path, capsys):
    assert main(["predict", str(tmp_path), "--model", str(model)]) == 2
    assert "the folder holds no picture" in capsys.readouterr().out


def test_two_photos_of_one_name_are_both_saved(two, model, tmp_path):
    (tmp_path / "other").mkdir()
    other = tmp_path / "other" / "two.png"
    other.write_bytes(two.read_bytes())
    main(
        ["predict", str(two), str(other), "--model", str(model), "--save", str(tmp_path / "boxes")]
    )
    assert sorted(path.name for path in (tmp_path / "boxes").iterdir()) == [
        "two-faces-2.jpg",
        "two-faces.jpg",
    ]


@pytest.fixture(scope="module")
def video(two, tmp_path_factory):
    path = tmp_path_factory.mktemp("video") / "two.mp4"
    frame = cv2.imread(str(two))
    writer = cv2.VideoWriter(str(path), cv2.VideoWriter.fourcc(*"mp4v"), 10, frame.shape[1::-1])
    for number in range(40):
        writer.write(frame if number < 30 else np.zeros_like(frame))
    writer.release()
    return path


def test_a_video_is_read_frame_by_frame(video, model, tmp_path, capsys):
    assert (
        main(["predict", "--video", str(video), "--model", str(model), "--save", str(tmp_path)])
        == 0
    )
    assert (
        capsys.readouterr().out.splitlines()[-1]
        == "40 frames: 60 faces in 30, no face in 10, 0 could not be read"
    )
    assert cv2.VideoCapture(str(tmp_path / "two-faces.mp4")).get(cv2.CAP_PROP_FRAME_COUNT) == 40
    assert main(["predict", "--video", str(video), "--model", str(model), "--json"]) == 0
    last = json.loads(capsys.readouterr().out.splitlines()[-1])
    assert (last["frame"], last["seconds"], last["faces"]) == (39, 3.9, [])


def test_a_video_that_cannot_be_written_is_said_and_leaves_no_file(
    video, model, tmp_path, monkeypatch, capsys
):
    closed = type(
        "Closed",
        (),
        {
            "isOpened": lambda self: False,
            "release": lambda self: None,
            "fourcc": lambda *_: 0,
            "__init__": lambda self, *_: None,
        },
    )
    monkeypatch.setattr(predict.cv2, "VideoWriter", closed)
    assert (
        main(
            [
                "predict",
                "--video",
                str(video),
                "--model",
                str(model),
                "--save",
                str(tmp_path / "boxes"),
            ]
        )
        == 2
    )
    assert "no video can be written for" in capsys.readouterr().err and not list(
        (tmp_path / "boxes").iterdir()
    )


def test_few_frames_are_in_memory_at_a_time(video, model, monkeypatch):
    alive, most = set(), []

    class Tracked(Photo):
        def __init__(self, *arguments, **keywords):
            super().__init__(*arguments, **keywords)
            alive.add(id(self))
            most.append(len(alive))

        def __del__(self):
            alive.discard(id(self))

    monkeypatch.setattr(predict, "Photo", Tracked)
    for _ in predict_video(video, Classifier(model)):
        pass
    assert len(most) == 40 and max(most) <= _PENDING + 2


@pytest.mark.parametrize("arguments", [[], ["a.png", "--video", "b.mp4"]])
def test_photos_or_a_video(arguments, capsys):
    assert main(["predict", *arguments]) == 2
    assert "expected photos, or --video" in capsys.readouterr().err


def test_what_is_no_video_is_said(two, model, tmp_path, capsys):
    for path, reason in (
        (tmp_path / "none.mp4", "there is no such file"),
        (tmp_path / "text.mp4", "not a video"),
    ):
        if reason == "not a video":
            path.write_text("hello")
        assert main(["predict", "--video", str(path), "--model", str(model)]) == 2
        assert reason in capsys.readouterr().out


def test_a_model_that_is_not_ours_is_one_message(two, tmp_path, capsys):
    (tmp_path / "a.onnx").write_text("hello")
    assert main(["predict", str(two), "--model", str(tmp_path / "a.onnx")]) == 2
    assert len(capsys.readouterr().err.splitlines()) == 1


def test_a_photo_needs_neither_keras_nor_tensorflow(two, model):
    code = f"""import sys; from fer_lib.__main__ import main
code = main(["predict", {str(two)!r}, "--model", {str(model)!r}])
sys.exit(code or any(name in sys.modules for name in ("keras", "tensorflow", "pandas", "sklearn")))"""
    assert subprocess.run([sys.executable, "-c", code], capture_output=True).returncode == 0


def test_without_a_model_the_best_recorded_network_is_exported_once(
    two, run, model, tmp_path, monkeypatch, capsys
):
    monkeypatch.setattr(runs, "best_small", lambda root: run)
    monkeypatch.setattr(predict, "path_of", lambda run, int8=False: tmp_path / "a.onnx")
    monkeypatch.setattr(export, "export", lambda run, path: path.write_bytes(model.read_bytes()))
    assert main(["predict", str(two)]) == 0
    assert "exporting tiny seed 0 from Keras, once" in capsys.readouterr().err
    assert main(["predict", str(two)]) == 0
    assert capsys.readouterr().err == ""
    monkeypatch.setattr(runs, "best_small", lambda root: None)
    assert main(["predict", str(two)]) == 2 and "--model" in capsys.readouterr().err


def test_an_answer_is_marked_where_the_network_is_unsure():
    sure, unsure = (Face((0, 0, 9), (p, 1 - p, 0, 0, 0, 0, 0)) for p in (0.9, 0.45))
    assert face_caption(sure) == "angry 90 %" and unsure.answer == "disgust" and unsure.sure
    assert face_caption(Face((0, 0, 9), (0.4, 0.3, 0.3, 0, 0, 0, 0))) == "angry? 40 %"
