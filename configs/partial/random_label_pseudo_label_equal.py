# One to four labels per image, learner `pseudo-label`, balancer `equal`; single_task_random_label.py makes
# the teachers.
_base_ = ["../_base_/settings/synthrooms_partial.py", "../_base_/labels/random_label.py"]
name = "random-label-pseudo-label-equal"
learner = dict(
    type="pseudo-label",
    root="runs/partial",
    teachers=dict(
        semseg="single_task_random_label/semseg/seed0",
        depth="single_task_random_label/depth/seed0",
        normals="single_task_random_label/normals/seed0",
        edge="single_task_random_label/edge/seed0",
        saliency="single_task_random_label/saliency/seed0",
    ),
)
