"""The review page: a person corrects the labels of one recording."""
