# `{{name}}` on rendered rooms: about a minute on a CPU.
# For a row of the board synthrooms-v1, put this file into the bench's configs/ and begin with
#     _base_ = "_base_/settings/synthrooms.py"
# instead of everything below up to the component, then try the three learning rates of docs/protocol.md.
name = "{{name}}"
tasks = {{tasks}}
dataset = {{dataset}}
train_transforms = [dict(type="RandomFlip", p=0.5)]
label_protocol = {{label_protocol}}
learner = {{learner}}
backbone = {{backbone}}
adapter = {{adapter}}
decoder = {{decoder}}
balancer = {{balancer}}
optimizer = dict(type="AdamW", lr=4.5e-3, weight_decay=0.05)
schedule = dict(batch_size=8, iterations=48, warmup=0.05, curve="cosine", clip_grad=5.0)
