import shutil
import subprocess
import sys
import tomllib
from pathlib import Path

import numpy as np
import onnx
import pytest

import fer_lib
from fer_lib.data.labels import EMOTION_NAMES
from fer_lib.runs.run import RunError

ROOT = Path(__file__).resolve().parent.parent
HEAVY = ("av", "keras", "matplotlib", "pandas", "scipy", "sklearn", "tensorflow")


def run_python(code, *arguments, **options):
    """Run code in a fresh interpreter and return what it prints."""
    process = subprocess.run(
        [sys.executable, "-c", code, *map(str, arguments)],
        capture_output=True,
        text=True,
        **options,
    )
    assert process.returncode == 0, process.stderr
    return process


@pytest.fixture(scope="module")
def constant_model(tmp_path_factory):
    """An exported model that predicts `happy` with probability 0.7 for each image."""
    from fer_lib.deploy.inference import INPUT, OUTPUT

    row = np.full((1, 7), 0.05, np.float32)
    row[0, EMOTION_NAMES.index("happy")] = 0.7
    helper, floats = onnx.helper, onnx.TensorProto.FLOAT
    nodes = [
        helper.make_node("ReduceMean", [INPUT], ["mean"], axes=[1, 2], keepdims=0),
        helper.make_node("Mul", ["mean", "zero"], ["zeros"]),
        helper.make_node("Add", ["zeros", "row"], [OUTPUT]),
    ]
    graph = helper.make_graph(
        nodes,
        "constant",
        [helper.make_tensor_value_info(INPUT, floats, ["n", 48, 48, 1])],
        [helper.make_tensor_value_info(OUTPUT, floats, ["n", 7])],
        [
            onnx.numpy_helper.from_array(np.zeros((1, 1), np.float32), "zero"),
            onnx.numpy_helper.from_array(row, "row"),
        ],
    )
    model = helper.make_model(graph, opset_imports=[helper.make_opsetid("", 17)], ir_version=9)
    onnx.helper.set_model_props(model, {"labels": ",".join(EMOTION_NAMES)})
    path = tmp_path_factory.mktemp("model") / "constant.onnx"
    onnx.save(model, path)
    return path


def test_import_is_fast_and_loads_no_heavy_package():
    code = """
import sys, time
start = time.perf_counter()
import fer_lib
seconds = time.perf_counter() - start
print(seconds, *sys.modules)
"""
    seconds, *modules = run_python(code).stdout.split()
    assert float(seconds) < 0.2
    assert not {*HEAVY, "numpy", "PIL", "onnxruntime"} & set(modules)


def test_data_runs_and_prediction_load_no_training_package(constant_model, synthetic_csv, tmp_path):
    code = """
import sys
import numpy as np
import fer_lib
fer_lib.load_dataset(sys.argv[1])
fer_lib.load_run("custom_cnn").predictions
assert fer_lib.predict_faces(np.zeros((100, 100)), sys.argv[2]) == []
print(*sys.modules)
"""
    modules = run_python(code, synthetic_csv, constant_model).stdout.split()
    assert "onnxruntime" in modules and not set(HEAVY) & set(modules)


def test_videos_and_cameras_are_predicted_without_a_training_package(constant_model, tmp_path):
    code = """
import sys
import numpy as np
import fer_lib
for predict in (fer_lib.predict_video, fer_lib.predict_camera):
    try:
        next(predict("nowhere", sys.argv[1]))
    except (ValueError, OSError) as error:
        pass
assert fer_lib.Tracker(sys.argv[1]).update(np.zeros((100, 100)), seconds=0) == []
print(*sys.modules)
"""
    modules = run_python(code, constant_model).stdout.split()
    assert "av" in modules and not set(HEAVY[1:]) & set(modules)


def test_tensorflow_starts_without_messages():
    code = """
import fer_lib, keras, numpy as np
keras.Sequential([keras.layers.Dense(1)]).predict(np.zeros((2, 3)), verbose=0)
"""
    assert run_python(code).stderr == ""


def test_error_while_tensorflow_is_imported_shows_its_messages(tmp_path):
    (tmp_path / "tensorflow.py").write_text(
        "import os\nos.write(2, b'a message\\n')\nraise ImportError('broken')\n"
    )
    process = subprocess.run(
        [sys.executable, "-c", "import fer_lib, sys; sys.path.insert(0, '.'); import tensorflow"],
        cwd=tmp_path,
        env={"PYTHONPATH": str(ROOT)},
        capture_output=True,
        text=True,
    )
    assert "a message" in process.stderr and "ImportError: broken" in process.stderr


def test_faces_are_predicted_in_a_path_an_array_and_a_list(constant_model, tmp_path):
    from PIL import Image
    from skimage import data

    portrait = data.astronaut()
    Image.fromarray(portrait).save(tmp_path / "portrait.png")
    (face,) = fer_lib.predict_faces(portrait, constant_model)
    assert face.emotion == "happy"
    assert face.probabilities == pytest.approx(
        {name: 0.7 if name == "happy" else 0.05 for name in EMOTION_NAMES}
    )
    assert fer_lib.predict_faces(tmp_path / "portrait.png", constant_model) == [face]
    assert fer_lib.predict_faces([portrait, portrait[:99, :99]], constant_model) == [[face], []]
    (cropped,) = fer_lib.predict_faces(portrait, constant_model, cropped=True)
    assert cropped.box == (0, 0, 512) and cropped.probabilities == face.probabilities


def test_recorded_run_is_loaded():
    run = fer_lib.load_run("custom_cnn", seed=0)
    assert run.key == "custom_cnn/seed-0"
    correct = run.predictions["private_test"].correct
    assert run.metrics["private_test"]["accuracy"] == pytest.approx(correct.mean())


def test_missing_run_is_named_with_those_that_exist(run):
    root = run.folder.parent.parent
    with pytest.raises(RunError, match=r"custom_cnn/seed-3: there is no such run; .* has tiny"):
        fer_lib.load_run("custom_cnn", seed=3, root=root)


def test_model_has_the_weights_of_the_run(run, dataset):
    model = fer_lib.load_model("tiny", root=run.folder.parent.parent)
    images = dataset.public_test.images[:5, ..., None]
    predictions = run.predictions["public_test"]
    rows = [predictions.hashes.tolist().index(h) for h in dataset.public_test.hashes[:5]]
    np.testing.assert_allclose(
        model.predict(images, verbose=0), predictions.logits[rows], atol=2e-2
    )


def test_untrained_model_takes_raw_gray_levels():
    model = fer_lib.load_model("custom_cnn", seed=None)
    assert model.input_shape == (None, 48, 48, 1) and model.output_shape == (None, 7)


def test_training_is_dispatched_by_name_seed_and_profile(monkeypatch):
    calls = []
    monkeypatch.setattr(
        "fer_lib.training.dispatch.run_experiment",
        lambda name, seed, profile, verbose: calls.append((name, seed, profile.name, verbose)),
    )
    fer_lib.train("custom_cnn", seed=2, profile="quick", verbose=0)
    assert calls == [("custom_cnn", 2, "quick", 0)]
    with pytest.raises(ValueError, match="no profile 'fast'; there are full, quick"):
        fer_lib.train("custom_cnn", profile="fast")


@pytest.mark.parametrize(
    "call", ["load_model('custom_cnn', seed=None)", "train('custom_cnn', profile='quick')"]
)
def test_missing_extra_is_named(call, tmp_path):
    (tmp_path / "keras.py").write_text("raise ModuleNotFoundError('no keras', name='keras')\n")
    code = f"""
import fer_lib
try:
    fer_lib.{call}
except ModuleNotFoundError as error:
    print(error)
"""
    process = run_python(code, env={"PYTHONPATH": f"{tmp_path}:{ROOT}"})
    assert process.stdout == (
        "keras is not installed; install it with: pip install 'fer_lib[train]'\n"
    )


def test_unknown_name_is_an_attribute_error():
    with pytest.raises(AttributeError, match="module 'fer_lib' has no attribute 'fit'"):
        _ = fer_lib.fit
    assert set(fer_lib.__all__) <= set(dir(fer_lib))


def test_outside_the_clone_folders_are_in_the_current_one(tmp_path):
    """The package alone, as a wheel installs it."""
    code = "from fer_lib import paths; print(paths.ROOT, paths.RUNS, sep='\\n')"
    shutil.copytree(ROOT / "fer_lib", tmp_path / "site-packages" / "fer_lib")
    environment = {"PYTHONPATH": str(tmp_path / "site-packages")}
    here = str(tmp_path.resolve())
    assert run_python(code, cwd=tmp_path, env=environment).stdout.split() == [here, f"{here}/runs"]
    environment |= {"FER_LIB_ROOT": "/a", "FER_LIB_RUNS": "/b"}
    assert run_python(code, cwd=tmp_path, env=environment).stdout.split() == ["/a", "/b"]


def test_version_is_defined_once():
    project = tomllib.loads((ROOT / "pyproject.toml").read_text())
    assert project["project"]["dynamic"] == ["version"] and "version" not in project["project"]
    assert project["tool"]["setuptools"]["dynamic"]["version"] == {"attr": "fer_lib.__version__"}
