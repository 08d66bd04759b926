# DiTASK as its public code has it, singular values resampled, on PASCAL-Context with Swin-T.
_base_ = "_base_/settings/swint_pascal.py"
name = "ditask-released"
adapter = dict(type="ditask", tess=64, task_tess=4, variant="released", dropout=0.05)
