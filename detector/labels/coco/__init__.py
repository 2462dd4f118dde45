"""COCO's JSON, with the fields of videos."""
