"""The MuJoCo scene, the physics backends that step it, and its rendering."""

from dactyl.variables import check_opengl

check_opengl()  # before the first import of MuJoCo, which a wrong variable would end in a traceback
