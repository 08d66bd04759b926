"""Tell mtlbench what this distribution offers; import nothing else here, so that listing stays fast."""

from mtlbench.plugin import {{Record}}, hookimpl


@hookimpl
def {{hook}}():
    """Return the one {{title}} of this distribution."""
    return [
        {{Record}}(
            name="{{name}}",
            target="{{package}}.{{module}}:{{Class}}",
            summary="{{summary}}",
        )
    ]
