"""``telltale serve``: the verdict over HTTP, for other programs on this machine."""
