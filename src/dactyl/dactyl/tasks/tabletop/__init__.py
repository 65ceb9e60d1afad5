"""Tasks of a humanoid's hands at a table: grasp and reach, box lift, handover (Lin et al.). One a file, one code."""
