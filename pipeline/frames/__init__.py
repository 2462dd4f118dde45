"""What travels: a decoded picture with its time, and what each stop on its path adds."""
