"""The hash that fixes what was trained on."""

import shutil

from detector.datasets import load_dataset


def test_manifest_hash_ignores_the_order_of_rows_and_where_the_folder_lies(make, tmp_path):
    table = make.manifest(10)
    first = load_dataset(make.root).manifest_hash
    shutil.copytree(make.root, tmp_path / "copy" / "pictures")
    table.iloc[::-1].to_csv(make.root / "manifest.csv", index=False)
    assert len(first) == 64
    assert load_dataset(make.root).manifest_hash == first
    assert load_dataset(tmp_path / "copy" / "pictures").manifest_hash == first


def test_manifest_hash_changes_with_a_label_a_split_or_an_image(make):
    table = make.manifest(6, split=["train"] * 4 + ["val"] * 4 + ["test"] * 4)
    hashes = [load_dataset(make.root).manifest_hash]
    for row, column, value in ((4, "label", "real"), (11, "split", "train")):
        changed = table.copy()
        changed.loc[row, column] = value
        if column == "label":
            changed.loc[5, "label"] = "ai"
        changed.to_csv(make.root / "manifest.csv", index=False)
        hashes.append(load_dataset(make.root).manifest_hash)
    table[:-1].to_csv(make.root / "manifest.csv", index=False)
    hashes.append(load_dataset(make.root).manifest_hash)
    assert len(set(hashes)) == 4
