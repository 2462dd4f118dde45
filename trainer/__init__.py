"""How weights come to be. Meets the rest of Framelane only through `detector`."""
