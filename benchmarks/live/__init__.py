"""Minutes and hours of live streams, and what has to hold over them."""
