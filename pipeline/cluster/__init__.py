"""Fleet and library on a Ray cluster; without Ray nothing here is imported."""
