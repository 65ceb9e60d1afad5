"""The MuJoCo scene, the physics backends that step it, and its rendering."""
