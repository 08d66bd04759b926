# DiTASK, singular values deformed by diffeomorphisms, on PASCAL-Context with ViT-B/16.
_base_ = "_base_/settings/vitb_pascal.py"
name = "ditask"
adapter = dict(type="ditask", tess=64, task_tess=4)
