"""Labels: one data model, and one file for each format of annotation tools."""
