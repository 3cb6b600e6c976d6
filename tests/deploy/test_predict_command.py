"""The command `predict`, with the default model."""

import csv
import json
import os
import re
import shutil
import signal
import subprocess
import sys
from pathlib import Path

import numpy as np
import pytest
from PIL import Image

from fer_lib.cli import main
from fer_lib.cli.predictions import _CSV_HEADER
from fer_lib.data.labels import EMOTION_NAMES
from fer_lib.deploy import tracking
from fer_lib.deploy.faces import Face, Prediction
from fer_lib.deploy.images import Photo
from fer_lib.deploy.videos import Frame, read_video

BAD_NAME = os.fsdecode(b"\xff.jpg")


@pytest.fixture
def photo_path(portrait, tmp_path):
    path = tmp_path / "photos" / "face.png"
    path.parent.mkdir()
    portrait.save(path)
    return path


def predict(*arguments):
    return main(["predict", *map(str, arguments)])


def run(arguments, **options):
    """Run the command in a process of its own."""
    command = [sys.executable, "-m", "fer_lib", "predict", *map(os.fspath, arguments)]
    return subprocess.run(command, stderr=subprocess.PIPE, timeout=300, **options)


def test_table_of_a_folder_and_saved_boxes(photo_path, tmp_path, capsys):
    folder = photo_path.parent
    Image.new("L", (300, 300), 128).save(folder / "gray.png")
    (folder / "text.jpg").write_text("hello")
    (folder / "notes.txt").touch()
    assert predict(folder, "--save", tmp_path / "boxes") == 2
    out, err = capsys.readouterr()
    header, face, gray, text, total = out.splitlines()
    assert header.split() == ["file", "left,", "top,", "side", "prediction", "note"]
    assert "face.png" in face and "happy" in face and face.endswith("%")
    assert "gray.png" in gray and gray.endswith("no face found")
    assert "text.jpg" in text and text.endswith("could not be read  not an image")
    assert total == "2 photos: 1 face in 1, no face in 1; 1 could not be read"
    assert "files in folders that are no photos or videos: 1 .txt" in err
    saved = sorted(path.name for path in (tmp_path / "boxes").iterdir())
    assert saved == ["face-faces.jpg", "gray-faces.jpg"]


def test_cropped_photo_is_one_face_and_a_tiny_one_gets_the_hint(tmp_path, capsys):
    path = tmp_path / "face.png"
    Image.new("L", (48, 48), 128).save(path)
    assert predict(path) == 0
    assert "no face found  tiny: a face that fills the image needs --cropped" in (
        capsys.readouterr().out
    )
    assert predict(path, "--cropped") == 0
    assert "0, 0, 48" in capsys.readouterr().out


def test_json(photo_path, tmp_path, capsys):
    assert predict(photo_path, tmp_path / "none.png", "--json") == 2
    good, bad = map(json.loads, capsys.readouterr().out.splitlines())
    (face,) = good["faces"]
    assert face["emotion"] == max(face["probabilities"], key=face["probabilities"].get)
    assert sum(face["probabilities"].values()) == pytest.approx(1, abs=1e-5)
    assert bad["error"] == "no such file"


def test_csv_of_photos_and_a_video(photo_path, video, tmp_path, capsys):
    assert predict(photo_path, video, tmp_path / "none, or \n.png", "--csv") == 2
    rows = list(csv.DictReader(capsys.readouterr().out.splitlines()))
    photo, first, bad = rows[0], rows[1], rows[-1]
    assert (photo["id"], photo["frame"], photo["emotion"]) == ("", "", "happy")
    assert float(photo["happy"]) > 0.5 and photo["confident"] == "true"
    assert (first["id"], first["frame"], first["seconds"]) == ("1", "0", "0.0")
    assert len(rows) == 1 + 2 * 12 + 10 + 1
    assert bad["error"] == "no such file" and bad["file"].endswith(r"none, or \n.png")


def test_page_lists_the_fields_of_json_and_the_columns_of_csv():
    page = (Path(__file__).parents[2] / "book" / "playground.md").read_text("utf-8")
    of_json, of_csv = (
        re.findall(r"`(\w+)`", re.search(f"^With `--{name}`, .*$", page, re.MULTILINE)[0])
        for name in ("json", "csv")
    )
    assert tuple(of_csv) == _CSV_HEADER
    probabilities = dict.fromkeys(EMOTION_NAMES, 1 / 7)
    face = Face((1, 2, 3), probabilities, id=1)
    frame = Prediction("a.mp4", faces=[face], frame=0, seconds=0.0, save_error="full")
    error = Prediction("b.mp4", error="no such file")
    lines = [json.loads(each.to_json()) for each in (frame, error)]
    assert {*lines[0], *lines[1], *lines[0]["faces"][0]} == set(of_json)


def test_faces_of_a_video_are_rows_and_the_saved_video_keeps_its_times(video, tmp_path, capsys):
    assert predict(video, "--save", tmp_path) == 0
    _, first, second, total = capsys.readouterr().out.splitlines()
    assert "happy 100% of frames  face 1, 0.0 to 23.1 s" in first
    assert "happy 100% of frames  face 2, 0.0 to 6.6 s" in second
    assert total == "22 frames: 34 faces in 22, no face in 0"
    saved = [frame.seconds for frame in read_video(tmp_path / "two-faces.mp4")]
    assert saved == pytest.approx([frame.seconds for frame in read_video(video)], abs=1e-3)


def test_photos_and_videos_of_a_folder(photo_path, video, capsys):
    shutil.copy(video, photo_path.parent)
    (photo_path.parent / "cut.mp4").write_bytes(video.read_bytes()[:3000])
    assert predict(photo_path.parent) == 2
    out = capsys.readouterr().out
    assert "face.png" in out and "two.mp4" in out
    assert "not a video, or broken: Invalid data found" in out


def test_camera_until_it_is_interrupted(moving_faces, tmp_path, monkeypatch, capsys):
    def frames(number):
        for step, image in enumerate(moving_faces):
            if step == 4:
                os.kill(os.getpid(), signal.SIGINT)
            yield Frame(Photo(np.asarray(image)), step / 10)

    monkeypatch.setattr(tracking, "read_camera", frames)
    handler = signal.getsignal(signal.SIGINT)
    assert predict("--camera", "0", "--save", tmp_path) == 0
    live, _, _, *rows, total = capsys.readouterr().out.splitlines()
    assert live == "    0.0 s  1: happy " + live.split("happy ")[1]
    assert total == "4 frames: 8 faces in 4, no face in 0" and len(rows) == 2
    assert len(list(read_video(tmp_path / "camera 0-faces.mp4"))) == 4
    assert signal.getsignal(signal.SIGINT) is handler


def test_camera_that_is_missing(capsys):
    assert predict("--camera", "99") == 2
    out = capsys.readouterr().out
    assert "camera 99                   could not be read  no such camera (/dev/video99)" in out


@pytest.mark.parametrize("encoding", ["utf-8:strict", "ascii", "latin-1"])
def test_name_that_is_not_utf8_costs_nothing(encoding, photo_path, tmp_path):
    bad = shutil.copy(photo_path, tmp_path / BAD_NAME)
    broken = tmp_path / "é\n\x1b[31m.jpg"
    broken.write_text("hello")
    environment = os.environ | {"PYTHONIOENCODING": encoding, "PYTHONUTF8": "0"}
    inputs = [bad, broken, photo_path]
    done = run([*inputs, "--json"], env=environment, stdout=subprocess.PIPE)
    assert done.returncode == 2 and b"Traceback" not in done.stderr
    lines = [json.loads(line) for line in done.stdout.splitlines()]
    assert [len(line.get("faces", [])) for line in lines] == [1, 0, 1]
    assert lines[0]["file"].endswith(r"\udcff.jpg")
    assert lines[1]["file"].endswith("é\\n\\x1b[31m.jpg")
    done = run([*inputs, "--save", tmp_path / "boxes"], env=environment, stdout=subprocess.PIPE)
    assert done.returncode == 2 and b"\x1b" not in done.stdout
    assert len(done.stdout.splitlines()) == 5
    saved = {path.name for path in (tmp_path / "boxes").iterdir()}
    assert saved == {"face-faces.jpg", os.fsdecode(b"\xff-faces.jpg")}


def test_full_standard_output_keeps_no_photo_from_being_saved(photo_path, tmp_path):
    shutil.copy(photo_path, photo_path.with_name("other.png"))
    with Path("/dev/full").open("w") as full:
        done = run([photo_path.parent, "--json", "--save", tmp_path / "boxes"], stdout=full)
    assert done.returncode == 2
    assert done.stderr.decode().splitlines() == [
        "2 photos: 2 faces in 2, no face in 0",
        "standard output: No space left on device",
    ]
    assert len(list((tmp_path / "boxes").iterdir())) == 2


def test_reader_that_closes_the_output_is_no_error(photo_path):
    reader, writer = os.pipe()
    os.close(reader)
    done = run([photo_path, "--json"], stdout=writer)
    os.close(writer)
    assert done.returncode == 0 and b"rror" not in done.stderr


def test_photo_of_the_name_of_a_saved_one_is_kept(photo_path, capsys):
    folder, other = photo_path.parent, photo_path.with_name("face-faces.jpg")
    Image.new("L", (300, 300), 128).save(other)
    content = other.read_bytes()
    assert predict(folder, "--save", folder) == 2
    out = capsys.readouterr().out
    assert "happy" in out and "not saved: " in out and "face-faces.jpg exists" in out
    assert out.splitlines()[-1].endswith("; 1 could not be saved")
    assert other.read_bytes() == content


def test_nothing_of_the_training_packages_is_loaded(photo_path):
    heavy = {"keras", "tensorflow", "pandas", "sklearn", "scipy"}
    code = f"""
import sys
from fer_lib.cli import main
code = main(["predict", {str(photo_path)!r}])
sys.exit(code or ", ".join({heavy} & sys.modules.keys()) or 0)
"""
    done = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True)
    assert done.returncode == 0, done.stderr


def test_saving_into_the_folder_of_the_inputs_changes_nothing_the_next_time(photo_path, capsys):
    folder = photo_path.parent
    printed = []
    for _ in range(3):
        assert predict(folder, "--save", folder) == 0
        printed.append(capsys.readouterr())
    assert printed[0].out == printed[1].out == printed[2].out
    assert printed[0].err == ""
    assert printed[2].err == "inputs passed over, because --save wrote them: 1\n"
    assert sorted(path.name for path in folder.iterdir()) == ["face-faces.jpg", "face.png"]
    assert predict(folder / "face-faces.jpg") == 2
    assert "which are not predicted again" in capsys.readouterr().err


def test_threshold_marks_predictions_as_uncertain(photo_path, video, tmp_path, capsys):
    assert predict(photo_path, "--threshold", "1") == 0
    out = capsys.readouterr().out
    assert "happy? 9" in out
    assert out.splitlines()[-1].endswith("; 1 prediction uncertain, marked with ?")
    assert predict(video, "--threshold", "1", "--json") == 0
    lines = map(json.loads, capsys.readouterr().out.splitlines())
    assert {face["confident"] for line in lines for face in line["faces"]} == {False}


def test_file_that_is_no_model_is_one_line(photo_path, capsys):
    assert predict(photo_path, "--model", photo_path) == 2
    out, err = capsys.readouterr()
    assert not out and "cannot be loaded" in err and len(err.splitlines()) == 1
