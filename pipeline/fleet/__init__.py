"""Cameras spread over nodes: who runs what, decided from reports; knows neither Ray nor video."""
