"""Which tasks should be trained together: how much they help each other, and the best groups for a budget."""
