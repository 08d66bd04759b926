# Swin-T with the HRNet-style head on NYUDv2, in the schedule of the MTLoRA line; lacks an adapter.
_base_ = ["../datasets/nyud.py", "../backbones/swin_tiny.py", "../schedules/mtlora.py"]
backbone = dict(features="merged", drop_path=0.2)
decoder = dict(type="hrnet")
