# Five epochs of 512 rooms, minutes on the CPU of a laptop: the budget of the board synthrooms-v1.
optimizer = dict(type="AdamW", lr=2e-3, weight_decay=0.05)
schedule = dict(batch_size=8, iterations=320, warmup=0.05, curve="cosine", clip_grad=5.0)
