# Two minutes on a laptop's CPU: the budget of the board synthrooms-v1.
optimizer = dict(type="AdamW", lr=2e-3, weight_decay=0.05)
schedule = dict(batch_size=8, iterations=384, warmup=0.05, curve="cosine", clip_grad=5.0)
