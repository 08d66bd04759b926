# MT-CP's release: AdamW, 100 epochs of batches of 2, polynomial; it clips after the step, so not at all.
optimizer = dict(type="AdamW", lr=5e-5, weight_decay=1e-4)
schedule = dict(batch_size=2, epochs=100, curve="poly", workers=4)
