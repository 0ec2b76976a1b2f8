"""Contestants are scripts of environments of their own: pytest does not import them."""

collect_ignore = ["contestants"]
