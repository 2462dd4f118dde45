"""The shipped configurations, installed as the package `framelane_configs`."""
