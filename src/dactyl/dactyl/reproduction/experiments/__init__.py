"""The experiments, a file each: what of the paper it is, its steps, its rows and its picture."""
