"""Which images are read, as what, and what is said of the others: decided by paths alone."""

from collections import Counter

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from fer_lib.data.labels import EMOTION_NAMES, SPLITS, label_of
from fer_lib.data.readers import DataError
from fer_lib.data.readers.files import Files
from fer_lib.data.readers.splits import find_image_files, split_notes, unread_note


def listing(*names):
    return Files("faces", tuple(sorted(names)), open=None)


def images(folder, *file_names, classes=EMOTION_NAMES):
    return [f"{folder}/{name}/{file}" for name in classes for file in file_names or ("1.png",)]


def split_counts(*names):
    return Counter(SPLITS[file.split] for file in find_image_files(listing(*names)))


TRAIN = images("train", "1.png", "2.png")
NAMED = images("test", "PublicTest_1.png", "PrivateTest_2.png")


@pytest.mark.parametrize("val", ["val", "valid", "validation", "Val", "VALIDATION"])
@pytest.mark.parametrize("root", ["", "fer/"])
def test_a_validation_folder_is_public_test_with_a_note(val, root):
    names = [root + name for name in (*TRAIN, *images(val), *images("test"))]
    assert split_counts(*names) == {"Training": 14, "PublicTest": 7, "PrivateTest": 7}
    assert split_notes(find_image_files(listing(*names))) == [
        f"{val} is used as PublicTest: its file names tell no split"
    ]


@pytest.mark.parametrize(
    "folders",
    [
        ("Training", "PublicTest", "PrivateTest"),
        ("training", "public_test", "private_test"),
        ("train", "PublicTest", "test"),
    ],
)
def test_folders_with_names_of_fer2013_are_its_splits(folders):
    names = [name for folder in folders for name in images(folder)]
    assert split_counts(*names) == dict.fromkeys(SPLITS, 7)
    assert split_notes(find_image_files(listing(*names))) == []


@pytest.mark.parametrize(
    "extra, counts, note",
    [
        ([], (14, 7, 7), None),
        (["train/happy/PrivateTest_9.png"], (14, 7, 8), "in train that are of PrivateTest"),
        (["train/happy/PUBLICTEST_9.PNG"], (14, 8, 7), "in train that are of PublicTest"),
        (images("val", "Training_9.png"), (21, 7, 7), "in val that are of Training"),
        (images("val", "PublicTest_9.jpg"), (14, 14, 7), None),
        (images("val", "PrivateTest_9.jpg"), (14, 7, 14), "in val that are of PrivateTest"),
    ],
)
def test_file_names_decide_whatever_folder_they_lie_in(extra, counts, note):
    names = [*TRAIN, *NAMED, *extra]
    assert tuple(split_counts(*names)[split] for split in SPLITS) == counts
    notes = split_notes(find_image_files(listing(*names)))
    if note is None:
        assert notes == []
    else:
        moved = sum(name.rpartition("/")[0].split("/")[0] != "test" for name in extra)
        assert notes == [f"images {note}, as their names say: {moved}"]


@pytest.mark.parametrize("stray", ["test/sad/9.png", *images("val")[:1]])
def test_names_that_tell_only_some_splits_are_refused(stray):
    names = [*TRAIN, *NAMED, *(images("val") if stray.startswith("val") else [stray])]
    with pytest.raises(DataError, match=rf"{stray}: expected a name that begins with PublicTest_"):
        find_image_files(listing(*names))


@pytest.mark.parametrize(
    "names, message",
    [
        (TRAIN, "faces: no image of PrivateTest in train; expected folders train and test"),
        (
            [*TRAIN, *images("validation")],
            "faces: no image of PrivateTest in train, validation; expected folders train and test",
        ),
        (images("test"), "faces: no image of Training in test"),
        (
            [*TRAIN, *images("Train"), *images("test")],
            "faces: both Train and train; expected one of them",
        ),
        (
            [*TRAIN, *images("val"), *images("valid"), *images("test")],
            "faces: both val and valid; expected one of them",
        ),
        (
            [*TRAIN, "train/Happy/3.png", *images("test")],
            "faces/train: both Happy and happy are happy; expected one folder for each emotion",
        ),
        (
            [*TRAIN, "train/joy/3.png", *images("test")],
            "faces/train: both happy and joy are happy",
        ),
        ([*TRAIN, "train/7/3.png", *images("test")], "faces/train/7: '7' is none of the seven"),
        ([*TRAIN, "train/٣/3.png", *images("test")], "faces/train/٣: '٣' is none of the seven"),
        (
            [f"{root}/{name}" for root in "ab" for name in (*TRAIN, *images("test"))],
            "faces: images of several data sets, in a, b",
        ),
    ],
)
def test_what_is_wrong_with_the_folders_is_one_message(names, message):
    with pytest.raises(DataError) as error:
        find_image_files(listing(*names))
    assert str(error.value).startswith(message)


def test_numbers_of_class_folders_are_labels_of_the_csv():
    names = [*images("train", classes="0123456"), *images("test", classes="0123456")]
    found = find_image_files(listing(*names))
    assert [(file.class_name, file.label) for file in found[:7]] == [
        (str(label), label) for label in range(7)
    ]
    assert split_notes(found) == [
        "numbers of class folders are read as labels of FER2013's CSV: 0 angry, 1 disgust, "
        "2 fear, 3 happy, 4 sad, 5 surprise, 6 neutral"
    ]


def test_images_at_the_top_come_before_a_copy_in_a_folder():
    names = [*TRAIN, *images("test"), *(f"images/{name}" for name in TRAIN)]
    assert {file.root for file in find_image_files(listing(*names))} == {""}


def test_what_is_not_read_is_counted():
    assert unread_note([]) == ()
    assert unread_note(["train/happy/b.webp", "train/happy/a.webp", "LICENSE", "a\nb.txt"]) == (
        r"files that are not read: 1 .txt, 2 .webp, 1 without ending; the first is LICENSE",
    )
    assert unread_note(["a\nb.txt"])[0].endswith(r"the first is a\nb.txt")


FOLDER_NAMES = st.sampled_from(["train", "val", "test", "Test", "happy", "Happy", "sad", "x", "0"])
FILE_NAMES = st.sampled_from(
    ["1.png", "2.JPG", "Training_1.png", "PublicTest_1.png", "PrivateTest_1.jpeg", "a.webp", "b"]
)
PATHS = st.tuples(st.lists(FOLDER_NAMES, max_size=4), FILE_NAMES).map(
    lambda parts: "/".join([*parts[0], parts[1]])
)


@settings(max_examples=300)
@given(extra=st.sets(PATHS, max_size=8), named=st.booleans())
def test_any_file_is_read_by_the_rules_or_left_for_the_note(extra, named):
    names = {*TRAIN, *(NAMED if named else images("test")), *extra}
    try:
        found = find_image_files(listing(*names))
    except DataError as error:
        assert str(error).startswith("faces") and str(error).isprintable()
        return
    assert len({file.name for file in found}) == len(found) and {f.name for f in found} <= names
    for file in found:
        folder, class_name, name = file.name.split("/")  # all at the top, as the first ones are
        prefix = name.partition("_")[0].lower()
        splits = {split.lower(): index for index, split in enumerate(SPLITS)}
        by_folder = {"train": 0, "val": 1, "test": 2}[folder.lower()]
        assert file.split == splits.get(prefix, by_folder)
        assert file.label == (0 if class_name == "0" else label_of(class_name))
