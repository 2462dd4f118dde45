"""Training and evaluation of YOLOv7 networks. Imports only `detector` of Framelane."""
