# Teachers of one_label_pseudo_label_equal.py: each task alone with the labels of that draw; of no board.
_base_ = ["single_task.py", "../_base_/labels/one_label.py"]
name = "single-task-one-label"
board = None
