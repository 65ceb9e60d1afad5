"""Nodes of devices, managed by ROS's lifecycle: a lab may open and close the device while the rest of the graph runs.

`ros2 lifecycle set /dactyl/camera deactivate` closes it, `activate` opens it again. With the parameter `autostart`, the
default, the node does both steps by itself at its start, so that a launch is one command.
"""

from __future__ import annotations

from rclpy.lifecycle import LifecycleNodeMixin, LifecycleState, TransitionCallbackReturn

from dactyl.errors import DactylError
from dactyl.ros.node import DactylNode, Diagnosis

INACTIVE = Diagnosis("not active: ros2 lifecycle set … activate")


class ManagedNode(LifecycleNodeMixin, DactylNode):
    """A node that is active between `start` and `stop`. Its parameters are checked in its constructor all the same."""

    def __init__(self, name: str) -> None:
        DactylNode.__init__(self, name)
        LifecycleNodeMixin.__init__(self, enable_communication_interface=True)
        self.active = False

    def begin(self, active: bool) -> None:
        """To be called at the end of a constructor.

        Raises:
            DactylError: it cannot become active.
        """
        if active:
            self.start()
            self.active = True
            self.trigger_configure()
            self.trigger_activate()

    def start(self) -> None:
        """Open what is to be open; DactylError where that cannot be."""

    def stop(self) -> None:
        """Close it; also when nothing is open."""

    def on_activate(self, state: LifecycleState) -> TransitionCallbackReturn:
        try:
            if not self.active:
                self.start()
        except DactylError as error:
            self.get_logger().error(f"not activated: {error}")
            return TransitionCallbackReturn.FAILURE
        self.active = True
        return super().on_activate(state)

    def on_deactivate(self, state: LifecycleState) -> TransitionCallbackReturn:
        self._stop()
        return super().on_deactivate(state)

    def on_shutdown(self, state: LifecycleState) -> TransitionCallbackReturn:
        self._stop()
        return super().on_shutdown(state)

    def _stop(self) -> None:
        self.stop()
        self.active = False

    def destroy_node(self) -> None:
        self._stop()
        super().destroy_node()
