# One label per image, learner `pseudo-label`, balancer `equal`; single_task_one_label.py makes the teachers.
_base_ = ["../_base_/settings/synthrooms_partial.py", "../_base_/labels/one_label.py"]
name = "one-label-pseudo-label-equal"
learner = dict(
    type="pseudo-label",
    root="runs/partial",
    teachers=dict(
        semseg="single_task_one_label/semseg/seed0",
        depth="single_task_one_label/depth/seed0",
        normals="single_task_one_label/normals/seed0",
        edge="single_task_one_label/edge/seed0",
        saliency="single_task_one_label/saliency/seed0",
    ),
)
