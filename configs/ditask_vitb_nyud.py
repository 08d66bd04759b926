# DiTASK, singular values deformed by diffeomorphisms, on NYUDv2 with ViT-B/16.
_base_ = "_base_/settings/vitb_nyud.py"
name = "ditask"
adapter = dict(type="ditask", tess=64, task_tess=4)
