import csv
import gzip
import io
import tempfile
import zipfile
from pathlib import Path

import numpy as np
import pandas as pd
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from hypothesis.extra import numpy as hnp
from PIL import Image

from fer_lib.data.labels import EMOTION_NAMES, SPLITS
from fer_lib.data.readers import DataError, dataset_sha256, read_dataset

PIXELS = " ".join(str(i % 256) for i in range(48 * 48))
ONE_OF_EACH_SPLIT = [
    ("0", PIXELS, "Training"),
    ("1", PIXELS, "PublicTest"),
    ("6", PIXELS, "PrivateTest"),
]


def csv_bytes(rows, header=("emotion", "pixels", "Usage"), encoding="utf-8"):
    text = io.StringIO()
    csv.writer(text).writerows([header, *rows])
    return text.getvalue().encode(encoding)


def rows_of(images, labels, splits):
    return [
        (str(label), " ".join(map(str, image.ravel())), SPLITS[split])
        for image, label, split in zip(images, labels, splits, strict=True)
    ]


def image_bytes(pixels, mode="L", kind="PNG"):
    stream = io.BytesIO()
    Image.fromarray(pixels).convert(mode).save(stream, kind)
    return stream.getvalue()


def image_files(images, labels, splits, class_names=EMOTION_NAMES, prefixes=True):
    """The folder form: file names and contents."""
    files = {}
    for row, (image, label, split) in enumerate(zip(images, labels, splits, strict=True)):
        part = "train" if split == 0 else "test"
        name = f"{SPLITS[split]}_{row:05}.png" if prefixes else f"im{row:05}.png"
        files[f"{part}/{class_names[label]}/{name}"] = image_bytes(image)
    return files


def write_folder(root, files):
    for name, content in files.items():
        (root / name).parent.mkdir(parents=True, exist_ok=True)
        (root / name).write_bytes(content)
    return root


def write_zip(path, files):
    with zipfile.ZipFile(path, "w", zipfile.ZIP_DEFLATED) as archive:
        for name, content in files.items():
            archive.writestr(name, content)
    return path


def write_file(path, content):
    path.write_bytes(content)
    return path


FORMS = {
    "fer2013.csv": lambda p, *a: write_file(p / "fer2013.csv", csv_bytes(rows_of(*a))),
    "icml_face_data.csv": lambda p, *a: write_file(
        p / "icml_face_data.csv",
        csv_bytes(
            [(label, usage, pixels) for label, pixels, usage in rows_of(*a)],
            ("emotion", " Usage", " pixels"),
        ),
    ),
    "gzip": lambda p, *a: write_file(p / "fer2013.csv.gz", gzip.compress(csv_bytes(rows_of(*a)))),
    "zip with one CSV": lambda p, *a: write_zip(
        p / "archive.zip", {"x/fer2013.csv": csv_bytes(rows_of(*a))}
    ),
    "zip with several": lambda p, *a: write_zip(
        p / "challenge.zip",
        {"train.csv": b"a,b", "test.csv": b"a", "icml_face_data.csv": csv_bytes(rows_of(*a))},
    ),
    "folder": lambda p, *a: write_folder(p, image_files(*a)),
    "folder, other names": lambda p, *a: write_folder(
        p,
        image_files(
            *a,
            class_names=(
                "Anger",
                "DISGUSTED",
                "fearful",
                "Happiness",
                "sadness",
                "Surprised",
                "neutral",
            ),
        ),
    ),
    "zip of a folder": lambda p, *a: write_zip(p / "faces.zip", image_files(*a)),
    "zip of a Mac": lambda p, *a: write_zip(
        p / "faces.zip",
        {
            "__MACOSX/train/._x.csv": b"x",
            "__MACOSX/test/x": b"x",
            **{f"fer/{n}": c for n, c in image_files(*a).items()},
        },
    ),
    "zip of a folder below": lambda p, *a: write_zip(
        p / "faces.zip", {f"fer/{n}": c for n, c in image_files(*a).items()}
    ),
}


@pytest.fixture
def faces():
    """Two images of each emotion in train, one in each test split."""
    rng = np.random.default_rng(0)
    labels, splits = np.tile(np.arange(7), 4), np.repeat([0, 0, 1, 2], 7)
    return (
        rng.integers(0, 256, (28, 48, 48), np.uint8),
        labels.astype(np.uint8),
        splits.astype(np.uint8),
    )


def in_canonical_order(images, labels, splits):
    keys = [
        (split, label, image.tobytes())
        for image, label, split in zip(images, labels, splits, strict=True)
    ]
    return sorted(keys)


@pytest.mark.parametrize("form", FORMS)
def test_forms_hold_the_same_images(form, faces, tmp_path):
    dataset = read_dataset(FORMS[form](tmp_path, *faces))
    assert dataset.images.dtype == dataset.labels.dtype == dataset.split_indices.dtype == np.uint8
    assert in_canonical_order(
        dataset.images, dataset.labels, dataset.split_indices
    ) == in_canonical_order(*faces)
    assert not dataset.public_test_drawn and not dataset.notes


@st.composite
def small_data_sets(draw):
    """A data set with each class in each split, which folders need, and up to four more images."""
    extra = draw(st.lists(st.tuples(st.integers(0, 6), st.integers(0, 2)), max_size=4))
    labels = np.array([*range(7)] * 3 + [label for label, _ in extra], np.uint8)
    splits = np.array([0] * 7 + [1] * 7 + [2] * 7 + [split for _, split in extra], np.uint8)
    images = np.full((len(labels), 48, 48), draw(st.integers(0, 255)), np.uint8)
    images[:, :2, :2] = draw(hnp.arrays(np.uint8, (len(labels), 2, 2)))
    return images, labels, splits


@settings(max_examples=40, deadline=None)
@given(form=st.sampled_from(sorted(FORMS)), case=small_data_sets())
def test_any_data_set_survives_any_form(form, case):
    with tempfile.TemporaryDirectory() as folder:
        dataset = read_dataset(FORMS[form](Path(folder), *case))
    assert in_canonical_order(
        dataset.images, dataset.labels, dataset.split_indices
    ) == in_canonical_order(*case)


def test_csv_agrees_with_pandas(synthetic_csv):
    dataset = read_dataset(synthetic_csv)
    table = pd.read_csv(synthetic_csv)
    expected = np.stack([np.array(text.split(), int) for text in table["pixels"]]).reshape(
        -1, 48, 48
    )
    np.testing.assert_array_equal(dataset.images, expected)
    np.testing.assert_array_equal(dataset.labels, table["emotion"])
    assert [SPLITS[u] for u in dataset.split_indices] == table["Usage"].tolist()


def test_public_test_is_drawn_from_train_when_names_have_no_split(tmp_path):
    rng = np.random.default_rng(0)
    labels = np.concatenate([np.repeat(np.arange(7), 20), np.arange(7)]).astype(np.uint8)
    splits = np.array([0] * 140 + [2] * 7, np.uint8)
    images = rng.integers(0, 256, (147, 48, 48), np.uint8)
    dataset = read_dataset(
        write_folder(tmp_path / "a", image_files(images, labels, splits, prefixes=False))
    )
    assert dataset.public_test_drawn and "a tenth of each class, as PublicTest" in dataset.notes[0]
    assert np.bincount(dataset.split_indices).tolist() == [126, 14, 7]
    assert np.bincount(dataset.labels[dataset.split_indices == 1]).tolist() == [2] * 7
    order = rng.permutation(140)  # other names, other order: the same images are drawn
    renamed = (images[[*order, *range(140, 147)]], labels[[*order, *range(140, 147)]], splits)
    again = read_dataset(write_folder(tmp_path / "b", image_files(*renamed, prefixes=False)))
    assert in_canonical_order(
        again.images, again.labels, again.split_indices
    ) == in_canonical_order(dataset.images, dataset.labels, dataset.split_indices)


def test_gray_images_stored_in_color_are_read_and_counted(tmp_path, faces):
    files = image_files(*faces)
    for name, mode in zip(list(files)[:4], ("RGB", "RGBA", "LA", "CMYK"), strict=True):
        pixels = np.asarray(Image.open(io.BytesIO(files[name])))
        # Pillow writes CMYK as TIFF, not as PNG; the content counts, not the name.
        files[name] = image_bytes(pixels, mode, "TIFF" if mode == "CMYK" else "PNG")
    dataset = read_dataset(write_folder(tmp_path, files))
    assert dataset.notes == (
        "gray images in other modes than 8-bit gray, read as gray: 4 (CMYK, LA, RGB, RGBA)",
    )
    assert in_canonical_order(
        dataset.images, dataset.labels, dataset.split_indices
    ) == in_canonical_order(*faces)


@pytest.mark.parametrize(
    "row, message",
    [
        (("7", PIXELS, "Training"), "row 2: emotion is '7', expected a whole number from 0 to 6"),
        (("-1", PIXELS, "Training"), "row 2: emotion is '-1'"),
        (("", PIXELS, "Training"), "row 2: emotion is ''"),
        (("happy", PIXELS, "Training"), "row 2: emotion is 'happy'"),
        (("0", PIXELS + " 1", "Training"), "row 2: 2305 pixels, expected 2304"),
        (("0", PIXELS.rsplit(" ", 1)[0], "Training"), "row 2: 2303 pixels, expected 2304"),
        (
            ("0", "256" + PIXELS[1:], "Training"),
            "row 2: pixel 1 is '256', expected a whole number from 0 to 255",
        ),
        (("0", "-1" + PIXELS[1:], "Training"), "row 2: pixel 1 is '-1'"),
        (("0", PIXELS[:-1] + ".5", "Training"), "row 2: pixel 2304 is '25.5'"),
        (("0", "abc" + PIXELS[1:], "Training"), "row 2: pixel 1 is 'abc'"),
        (
            ("0", PIXELS, "training"),
            "row 2: Usage is 'training', expected Training, PublicTest, PrivateTest",
        ),
        (("0", PIXELS), "row 2: 2 fields, expected 3"),
        *(
            (("0", pixel + PIXELS[1:], "Training"), f"row 2: pixel 1 is '{pixel}', expected")
            for pixel in ("１", "٣", "1_0", "+1", "-0", "1e2", "0x1", "²", "0000", "1.0")
        ),
        (("１", PIXELS, "Training"), "row 2: emotion is '１'"),
        (("x" * 26_000, PIXELS, "Training"), "row 2: emotion is '" + "x" * 80 + "'…, expected"),
        (("\x1b[31m\n", PIXELS, "Training"), r"row 2: emotion is '\x1b[31m\n', expected"),
    ],
)
def test_broken_row_is_named(tmp_path, row, message):
    path = write_file(tmp_path / "fer2013.csv", csv_bytes([row, *ONE_OF_EACH_SPLIT]))
    with pytest.raises(DataError) as error:
        read_dataset(path)
    assert message in str(error.value) and str(path) in str(error.value)


@pytest.mark.parametrize(
    "content, message",
    [
        (b"", "row 1: no column emotion, pixels, Usage; found nothing"),
        (b"emotion,pixels,Usage\n", "no image of Training among 0"),
        (
            b"emotion,pixels,Usage, pixels\n",
            "row 1: more than one column pixels; found 'emotion, pixels, Usage, pixels'",
        ),
        (b"'\x1b[2J" + b"x" * 26_000, "found ''\\x1b[2J" + "x" * 75 + "'…"),
        (b"emotion,pixels,Usage\n" + b"0" * 140_000, "a line of more than 131,071 characters"),
        (
            csv_bytes([*ONE_OF_EACH_SPLIT[:2], ()]) + csv_bytes(ONE_OF_EACH_SPLIT),
            "row 4: a blank line, which may only follow the last row",
        ),
        (b"emotion,pixels\n", "row 1: no column Usage; found 'emotion, pixels'"),
        ("emotion,pixels,Usage\n".encode("utf-16"), "not a readable CSV"),
        (bytes(range(256)) * 20, "not a readable CSV"),
        (csv_bytes(ONE_OF_EACH_SPLIT[:2]), "no image of PrivateTest among 2"),
        (csv_bytes(ONE_OF_EACH_SPLIT, encoding="utf-16"), "not a readable CSV"),
        (b"\x1f\x8bno gzip at all", "not a readable CSV"),
        (b"PK\x03\x04no zip at all", "not a readable zip"),
        (
            gzip.compress(("emotion,pixels,Usage\n" + f"0,{PIXELS},Training\n" * 50).encode())[
                :-20
            ],
            "not a readable CSV",
        ),
    ],
)
def test_broken_file_is_named(tmp_path, content, message):
    path = write_file(tmp_path / "fer2013.csv", content)
    with pytest.raises(DataError) as error:
        read_dataset(path)
    assert message in str(error.value) and str(path) in str(error.value)


@pytest.mark.parametrize("end", ["\n", "\n\n\n", " \r\n", "\r\n\t \n", "\n" * 2_000_000])
@pytest.mark.parametrize("form", ["fer2013.csv", "fer2013.csv.gz", "a.zip"])
def test_blank_lines_may_follow_the_last_row(tmp_path, form, end):
    content, path = csv_bytes(ONE_OF_EACH_SPLIT) + end.encode(), tmp_path / form
    if form == "a.zip":
        write_zip(path, {"fer2013.csv": content})
    else:
        write_file(path, gzip.compress(content, 1) if form.endswith(".gz") else content)
    assert len(read_dataset(path).labels) == 3


@given(st.lists(st.sampled_from(["0", "7", "07", "007", "255", "99"]), min_size=1, max_size=5))
def test_pixels_are_plain_digits_with_or_without_leading_zeros(values):
    rows = [("0", " ".join((values * 2304)[:2304]), split) for split in SPLITS]
    with tempfile.TemporaryDirectory() as folder:
        dataset = read_dataset(write_file(Path(folder) / "fer2013.csv", csv_bytes(rows)))
    assert dataset.images[0].ravel()[: len(values)].tolist() == [int(value) for value in values]


def test_zip_without_a_data_set_lists_its_csv_files(tmp_path):
    path = write_zip(tmp_path / "a.zip", {"train.csv": b"a", "test.csv": b"b", "readme.txt": b"c"})
    with pytest.raises(
        DataError,
        match=r"a.zip: expected one fer2013.csv or .*; found 'test.csv, train.csv'",
    ):
        read_dataset(path)
    path = write_zip(tmp_path / "b.zip", {"readme.txt": b"c"})
    with pytest.raises(DataError, match="found no CSV"):
        read_dataset(path)


def test_zip_broken_in_the_middle_is_named(tmp_path):
    path = write_zip(tmp_path / "a.zip", {"fer2013.csv": csv_bytes(ONE_OF_EACH_SPLIT * 50)})
    content = bytearray(path.read_bytes())
    content[200:260] = bytes(60)
    path.write_bytes(content)
    with pytest.raises(DataError, match=r"a.zip, fer2013.csv: not a readable CSV"):
        read_dataset(path)


def test_broken_image_in_a_zip_is_named(tmp_path, faces):
    path = write_zip(tmp_path / "faces.zip", image_files(*faces))
    content = bytearray(path.read_bytes())
    content[300:500] = b"\x07" * 200
    path.write_bytes(content)
    with pytest.raises(DataError, match=r"train/angry/Training_00000.png: not a readable image"):
        read_dataset(path)


BROKEN_FOLDERS = {
    "no test": (
        lambda files: {n: c for n, c in files.items() if n.startswith("train")},
        "no image of PrivateTest in train; expected folders train and test",
    ),
    "a class misspelt": (
        lambda files: {n.replace("train/happy", "train/hapy"): c for n, c in files.items()},
        "hapy: 'hapy' is none of the seven emotions",
    ),
    "a class missing": (
        lambda files: {n: c for n, c in files.items() if "train/fear" not in n},
        "train: no image of fear; found images of angry",
    ),
    "a class twice": (
        lambda files: files | {"train/anger/x.png": image_bytes(np.zeros((48, 48), np.uint8))},
        "are angry",
    ),
    "a class empty": (
        lambda files: {
            n.replace(".png", ".txt") if "test/sad" in n else n: c for n, c in files.items()
        },
        "test: no image of sad; found images of angry",
    ),
    "an unreadable image": (
        lambda files: files | {"train/sad/x.png": b"not an image"},
        "x.png: not a readable image",
    ),
    "a truncated image": (
        lambda files: files | {"train/sad/x.png": image_bytes(np.zeros((48, 48), np.uint8))[:-30]},
        "x.png: not a readable image",
    ),
    "another size": (
        lambda files: files | {"train/sad/x.png": image_bytes(np.zeros((50, 48), np.uint8))},
        "x.png: 48 × 50 pixels, expected 48 × 48",
    ),
    "real color": (
        lambda files: (
            files
            | {
                "train/sad/x.png": image_bytes(
                    np.eye(48, dtype=np.uint8)[..., None] * np.uint8([9, 0, 0]), "RGB"
                )
            }
        ),
        "x.png: an image of mode RGB that is not plain gray",
    ),
    "sixteen bits": (
        lambda files: (
            files | {"train/sad/x.png": image_bytes(np.full((48, 48), 300, np.uint16), "I;16")}
        ),
        "x.png: an image of mode I;16 that is not plain gray",
    ),
    "some names without a split": (
        lambda files: files | {"test/sad/x.png": image_bytes(np.zeros((48, 48), np.uint8))},
        "x.png: expected a name that begins with PublicTest_ or PrivateTest_",
    ),
}


@pytest.mark.parametrize("name", BROKEN_FOLDERS)
def test_broken_folder_is_named(name, faces, tmp_path):
    break_files, message = BROKEN_FOLDERS[name]
    with pytest.raises(DataError) as error:
        read_dataset(write_folder(tmp_path, break_files(image_files(*faces))))
    assert message in str(error.value) and str(tmp_path) in str(error.value)


def test_folder_hash_depends_on_names_and_contents(faces, tmp_path):
    files = image_files(*faces)
    one, same = (write_folder(tmp_path / name, files) for name in "ab")
    assert dataset_sha256(one) == dataset_sha256(same)
    before = dataset_sha256(one)
    (one / "train/sad/extra.png").write_bytes(b"x")
    assert dataset_sha256(one) != before
