"""Read FER2013 from a zip that holds a CSV or folders of images."""

import zipfile
from pathlib import Path

from fer_lib.data.readers.csv_file import read_csv, text_stream
from fer_lib.data.readers.image_folder import is_image_folder, read_image_folder
from fer_lib.data.readers.raw import DataError, RawDataset

CSV_NAMES = ("fer2013.csv", "icml_face_data.csv")
_MAC_FOLDER = "__MACOSX"  # metadata that macOS adds to archives


def read_zip(path: Path) -> RawDataset:
    """Read a CSV of a known name, else the only CSV, else image folders.

    The image folders are at the top of the archive or one folder below.

    Raises:
        DataError: the archive is broken, or holds none of these or several.
    """
    try:
        with zipfile.ZipFile(path) as archive:
            names = [name for name in archive.namelist() if not name.startswith(f"{_MAC_FOLDER}/")]
            csvs = [name for name in names if name.lower().endswith(".csv")]
            known = [name for name in csvs if Path(name).name.lower() in CSV_NAMES]
            chosen = known or csvs
            if len(chosen) == 1:
                with text_stream(archive.open(chosen[0])) as file:
                    return read_csv(file, f"{path}, {chosen[0]}")
            root = zipfile.Path(archive)
            folders = [
                folder
                for folder in (root, *root.iterdir())
                if folder.name != _MAC_FOLDER and is_image_folder(folder)
            ]
            if not csvs and len(folders) == 1:
                return read_image_folder(folders[0])
            raise DataError(
                f"{path}: expected one {' or '.join(CSV_NAMES)}, or folders train and test; "
                f"found {', '.join(csvs) or 'no CSV'}"
            )
    except (zipfile.BadZipFile, NotImplementedError, RuntimeError) as error:
        raise DataError(f"{path}: not a readable zip ({error})") from error
