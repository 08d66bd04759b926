# Five epochs of 512 rooms, minutes on the CPU of a laptop: the budget of the board synthrooms-v1.
# Every method's learning rate is the best of 5e-4, 1.5e-3 and 4.5e-3 on rooms that the board doesn't show
# (dataset.world="tune", seed 0), see docs/protocol.md; configs that don't say otherwise have 4.5e-3.
optimizer = dict(type="AdamW", lr=4.5e-3, weight_decay=0.05)
schedule = dict(batch_size=8, iterations=320, warmup=0.05, curve="cosine", clip_grad=5.0)
