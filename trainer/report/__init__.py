"""Reports: results on disk, charts, contact sheets and HTML pages."""
