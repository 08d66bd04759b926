# Adapter `lora` on the budget of the board synthrooms-partial-v1: five epochs of 256 rooms of 64x96, about
# half a minute on one core. Lacks a label protocol, and is `masked` and `equal` where nothing else is said.
_base_ = "synthrooms.py"
board = "synthrooms-partial-v1"
adapter = dict(type="lora", rank=16)
dataset = dict(size=(64, 96), train_rooms=256)
schedule = dict(iterations=160)
