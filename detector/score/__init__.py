"""``python -m detector.score``: scoring an archive of any size into one predictions table.

`listing` writes down once which pictures there are; `part_files` keeps what is scored, one file for so many
pictures of the list, so that a run that was killed goes on where it was; `local_engine` and `ray_engine` do
the work; in the end the parts become one Parquet file.
"""
