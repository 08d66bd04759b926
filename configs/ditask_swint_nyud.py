# DiTASK, singular values deformed by diffeomorphisms, on NYUDv2 with Swin-T.
_base_ = "_base_/settings/swint_nyud.py"
name = "ditask"
adapter = dict(type="ditask", tess=64, task_tess=4)
