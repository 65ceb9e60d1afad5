"""The object's pose from three pictures: states, rendered pictures, network, training, errors (section 5)."""
