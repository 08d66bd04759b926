"""What a component must be: one short abstract class per kind; its docstring is its documentation."""
