# DiTASK, singular values deformed by diffeomorphisms, on PASCAL-Context with Swin-T.
_base_ = "_base_/settings/swint_pascal.py"
name = "ditask"
adapter = dict(type="ditask", tess=64, task_tess=4)
