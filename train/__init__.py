"""The training script: ``python -m train --recipe NAME --data DIR --run-dir DIR``."""
