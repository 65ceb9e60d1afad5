"""Vision test sets: recorded images with the object's true pose, made of bags."""
