"""framelane labels: labels of annotation tools converted, checked, merged and split."""
