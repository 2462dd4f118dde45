"""How good a network is: matching, average precision, analysis of mistakes."""
