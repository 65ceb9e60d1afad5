"""The simulators behind `physics.Physics`: C MuJoCo on CPU threads, MJWarp on a GPU."""
