"""Where weights come from: checkpoints, official files, releases, and the models made of them."""
