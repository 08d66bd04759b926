# The MTLoRA line: AdamW, 300 epochs of batches of 32, 20 of them warming up, cosine.
# Their learning rate of 5e-4 per 512 images becomes 3.125e-5 at this batch size.
optimizer = dict(type="AdamW", lr=3.125e-5, weight_decay=0.05)
schedule = dict(
    batch_size=32, epochs=300, warmup=20 / 300, curve="cosine", final_lr=0.01, clip_grad=5.0, workers=4
)
