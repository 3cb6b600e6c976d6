import numpy as np
import pandas as pd
from sklearn.linear_model import LogisticRegression

from fer_lib.data.labels import EMOTION_NAMES
from fer_lib.data.synthetic import synthetic_faces, write_synthetic_csv


def test_seed_determines_the_bytes(tmp_path):
    sizes = {"Training": 30, "PublicTest": 21, "PrivateTest": 21}
    for name, seed in (("a", 3), ("b", 3), ("c", 4)):
        write_synthetic_csv(tmp_path / name, sizes, seed)
    a, b, c = ((tmp_path / name).read_bytes() for name in "abc")
    assert a == b != c


def test_csv_has_kaggles_columns_and_each_class_in_each_split(synthetic_csv):
    table = pd.read_csv(synthetic_csv)
    assert list(table.columns) == ["emotion", "pixels", "Usage"]
    assert table["Usage"].value_counts().to_dict() == {
        "Training": 320,
        "PublicTest": 70,
        "PrivateTest": 70,
    }
    assert (table.groupby("Usage")["emotion"].nunique() == 7).all()
    assert table["emotion"].value_counts().idxmax() == EMOTION_NAMES.index("happy")


def test_faces_of_a_class_differ_and_use_the_gray_range():
    faces = synthetic_faces(np.full(6, 3), seed=0)
    assert len(np.unique(faces.reshape(6, -1), axis=0)) == 6
    assert faces.min() < 80 and faces.max() > 170


def test_linear_classifier_beats_chance_and_is_not_perfect():
    labels = np.tile(np.arange(7), 100)
    train, test = (synthetic_faces(labels, seed).reshape(len(labels), -1) / 255 for seed in (1, 2))
    score = LogisticRegression(C=0.01, max_iter=200).fit(train, labels).score(test, labels)
    assert 2 / 7 < score < 0.97
